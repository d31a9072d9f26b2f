"""Device clouds: every call is POST ``/api/CONTROLLER/ACTION``, or ``/api/tok/...`` with a token of its own kind.

``table``      the operations, one row each
``rows``       a row and its twin for tokens
``ports``      what the handlers need from the rest of the house
``auth``       credentials -> actor
``paging``     how a page of clouds is asked for
``errors``     every core error in the words of this dialect, as plain text
``shapes``     wire types
``handlers``   one function for each operation
"""
