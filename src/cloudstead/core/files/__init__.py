"""Files: objects that an account keeps, listed and fetched as from S3.

``model``     the buckets, and which object a file is
``files``     lists and reads, as far as a caller may see
``images``    the images of things
``image_paths``  where they lie
``removals``  deletes those of things that are gone, by jobs
``pictures``  what is a picture, and a harmless one
``links``     addresses that are good for a while
``paths``     which paths an object can have
``ports``     what files need from a store of objects
``sealed``    objects that hold secrets, encrypted on their way to the store
``errors``    what can go wrong
"""
