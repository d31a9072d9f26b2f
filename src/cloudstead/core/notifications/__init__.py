"""Notifications: mails that an account is told something by, and the log of them.

``model``    one entry of the log
``ports``    what storage has to offer
``tidings``  telling an account, reading the log, and noting what became of a mail
"""
