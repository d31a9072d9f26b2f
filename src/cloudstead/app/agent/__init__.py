"""The agent: this machine, or any machine that holds a thing's bundle, as a thing of the cloud.

``bundle``   a thing's certificate and key, from a folder or a zip archive
``figures``  what the machine says about itself
``wishes``   what the shadow wishes of the agent
``backoff``  how long to wait before the next try
``device``   the conversation: connect, report, obey, come back
``command``  the pieces put together
``parent``   dying with the process that started us

It speaks MQTT through a public client library and knows nothing that a stranger's device would not know.
"""
