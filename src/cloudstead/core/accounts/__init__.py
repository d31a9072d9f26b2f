"""Accounts: the tenants. An account owns a domain tree, people, keys, things and one MQTT topic space.

``model``    the account and its public names
``errors``   what can go wrong
``ports``    what storage has to offer
``profile``  what is known of an account beside its names
``listing``  which accounts a list shows
``acting``   who acts in which account
``policies`` features that are switched off
``limits``   how much of everything an account may have
``events``   what others may want to know
``registry`` accounts as callers see and change them
``tenants``  making a tenant
``expiry``   what becomes of an account when its end comes or is moved
``ends``     warning of ends, and letting accounts run out
``enrolling`` the status of an account, and the end of its enrolment
``opening``  opening an account with its root domain and its first administrator
"""
