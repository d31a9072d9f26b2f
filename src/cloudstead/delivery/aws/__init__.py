"""Device clouds in the AWS accounts of their owners: everything that is called there, and the stack that runs there.

``calls``      one way to call AWS: bounded in time, off the event loop, refusals in words
``template``   the stack as CloudFormation reads it, and the link and the command line that start it
``steps``      what provisioning makes in the account, step by step
``things``     devices as AWS IoT knows them
``engine``     the engine of dedicated clouds (``core.clouds.ports.Engine``)
"""
