"""Amazon S3, to read from: the buckets of an account as its own clients know them (Amazon S3 API, 2006-03-01).

``place``    which bucket and key a request names, by path or by host
``reading``  the operations
``xml``      the documents that they answer
``refusals`` what only S3 refuses
``errors``   every refusal in the words of S3
"""
