"""People: who they are, where they belong, how they log in.

``model``    a person, and the membership that ties a person to an account
``errors``   what can go wrong
``events``   what others may want to know
``ports``    what storage has to offer
``lock_out`` how long to wait after wrong passwords
``sign_in``  log in with a password, refresh a login
"""
