"""Thing types: what things of a kind have in common.

``model``      the type, its view modes and the resources learnt from shadows
``key_paths``  reading and writing inside a type by dotted path
``errors``     what can go wrong
``events``     what others may want to know
``ports``      what storage has to offer
``attributes`` what key paths lead into, and what of it may be changed
``registry``   create, read, change, remove
"""
