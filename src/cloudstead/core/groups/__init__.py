"""Groups: the domain tree with members, roles and a token for networks ("Groups").

A group is a domain, and its id is the domain's. What only groups know of it stands beside the domain; a domain that was
made elsewhere is a group as well.

``model``         what a group has beside its domain, and a group as it is shown
``errors``        what can go wrong
``ports``         what storage has to offer
``access``        how a caller stands to a group: does not see it, sees it, may do something there
``registry``      groups: made, changed, moved, handed over, removed, listed
``members``       who is in a group: invited, given another role, taken out
``outside_keys``  credentials of outside systems that a group works with
``clients``       access tokens: an API key's owner, by the key
``devices``       devices of groups: registered, configured, transferred and removed many at a time
``configuring``   what devices are wished to be, told to their shadows
``uplinks``       what a network hands in with a group's token
"""
