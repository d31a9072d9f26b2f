"""People: who they are, where they belong, how they log in.

``model``        a person, and the membership that ties a person to an account
``errors``       what can go wrong
``events``       what others may want to know
``ports``        what storage and the post have to offer
``lock_out``     how long to wait after wrong passwords
``sign_in``      log in with a password, refresh a login
``profile``      what may be known of a person, and which texts can be that
``powers``       who may decide about whom
``listing``      which people a list shows, in which order
``registry``     people as callers see and administer them
``links``        single-use links in mails
``mails``        which letter carries which link, and how many a mailbox gets
``credentials``  what becomes of logins when a password changes
``standing``     a person's standing in one account, and the status that it shows
``users``        people as administrators of a whole account see and change them, guests included
``forgetting``   people who were waited for in vain
``full_name``    a name in one text over the two that are stored
``password_rules`` how short a password may be
``second_factor`` codes that change with the time, and scratch codes
``sessions``     logins on our own pages, and the log of attempts
``doors``        which account somebody comes in to at a host
``front_door``   signing in on our own pages, step by step
``recovery``     what people do for themselves: sign up, confirm, set a forgotten password
"""
