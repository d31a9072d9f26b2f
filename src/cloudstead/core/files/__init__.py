"""Files: objects that an account keeps, listed and fetched as from S3.

``model``    the buckets, and which object a file is
``paths``    which paths an object can have
``ports``    what files need from a store of objects
``sealed``   objects that hold secrets, encrypted on their way to the store
``errors``   what can go wrong
"""
