"""Domains: the tree of an account, which says what belongs to whom.

``model``     the domain and its tree
``errors``    what can go wrong
``ports``     what storage has to offer
``events``    what others may want to know
``metadata``  which fields the free data should have
``registry``  create, read, change, move and remove
"""
