"""Policy groups: people and keys that hold the same grants.

``model``      a group, and the two that every account has
``errors``     what can go wrong
``ports``      what storage has to offer
``built_in``   making the two groups of a new account
``joining``    who may put whom into which group, and what has to stay
``registry``   groups as callers see and change them
"""
