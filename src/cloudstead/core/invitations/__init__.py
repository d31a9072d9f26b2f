"""Invitations: somebody is asked into an account by mail, and comes in by the link.

``model``     an invitation that is open
``errors``    what can go wrong
``ports``     what storage has to offer
``registry``  invitations as administrators see and make them
``accepting`` the other side: what the link shows, and coming in
"""
