"""Groups: groups in a tree, their members, roles and devices, and what networks hand in.

``table``     its operations, one row each
``ports``     what the handlers need from the rest of the house
``auth``      an access token, or a group's token -> who calls
``paging``    lists: limit and nextToken
``errors``    every core error in the words of this dialect
``shapes``    wire types
``handlers``  one function for each operation
"""
