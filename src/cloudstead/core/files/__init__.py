"""Files: objects that an account keeps, listed and fetched as from S3.

``ports``  what files need from a store of objects
"""
