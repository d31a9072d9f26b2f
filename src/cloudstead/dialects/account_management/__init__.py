"""Account management, version 3: accounts, people, API keys, policy groups, certificates, branding.

``table``      its operations, one row each; ``rows_*`` hold them by area
``rows``       a row and its twin below ``/v3/accounts/{account_id}``
``ports``      what the handlers need from the rest of the house
``auth``       credentials -> caller
``place``      which account a call is about
``paging``     lists: limit, order, cursor, extras, and their envelope
``filters``    ``<attribute>__<operator>`` in queries
``errors``     every core error in the words of this dialect
``shapes``     wire types
``handlers``   one function for each operation
"""
