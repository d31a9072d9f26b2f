"""Things: the devices of an account, each at one domain, each of one type.

``model``        the thing
``errors``       what can go wrong
``events``       what others may want to know
``ports``        what storage has to offer
``registry``     create, read, change, remove
``many``         the same for many things together
``directory``    the few facts about a thing that the message path needs, kept in memory
"""
