"""Policy groups: people and keys that hold the same grants.

``model``      a group, and the two that every account has
``errors``     what can go wrong
``ports``      what storage has to offer
``events``     what others may want to know
``built_in``   making the two groups of a new account
``members``    letting people and keys into groups and taking them out
``registry``   groups as callers see and change them
"""
