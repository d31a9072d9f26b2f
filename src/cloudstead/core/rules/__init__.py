"""Rules: what is done when a thing reports a value that somebody waits for (Cloud Connect 2.11, section 6).

``model``       the rule, what it waits for and what it does
``errors``      what can go wrong
``events``      what others may want to know
``ports``       what storage has to offer
``values``      how a reported value compares with the value of a rule
``resources``   where in a report a rule's resource is found
``plan``        many rules made ready for one kind of thing, so that a report asks few of them
``thresholds``  how often a rule has to be hit before it runs
``templates``   ``${...}`` in what goes out
``payloads``    what templates may name
``sealed``      what a rule does, kept so that only this installation can read it
``actions``     which actions there are, and what each may be told
``definition``  what a caller says a rule should be, and whether it can be
``deliveries``  what goes out: an action with the values of a hit filled in
``outgoing``    hits made into jobs
``explanation`` why a rule was hit by an observation, or just missed
``book``        the rules in force, in memory
``follower``    hits on their way from the spine into the store
``registry``    create, read, change, remove
``trial``       a dry run over past observations
``outbox``      what was delivered, and what was not
"""
