"""What the operator of an installation does from the command line, whether the service runs or not.

``asks``         what can be asked, and what is answered: the same on the socket, in a process and in ``--json``
``desk``         does it, on a store: accounts
``people``       does it: the passwords of people
``access_keys``  does it: their access keys
``sockets``      the socket in the data folder, by which a running service is asked
``doors``        asks the running service, or opens the store where none runs
``commands``     the commands
``show``         what the terminal says
"""
