"""Cloud Connect 2.11: functions that are invoked by name with one JSON object and answer with one.

``table``       the actions, one row each
``runtime``     a payload in, an answer out; never an exception for anything that a caller did
``call``        one invocation, read
``handlers``    what each action does: one call into core
``shapes``      the wire's words: what goes in, what comes out
``errors``      every business error in the words of this dialect
``documents``   what each action takes, for readers
``life_cycle``  what happened to things and thing types, as messages
``ports``       what the handlers need from the rooms around them
"""
