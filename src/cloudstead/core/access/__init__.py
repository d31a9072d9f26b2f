"""Who may do what, and where: permissions, roles, grants and the reach that follows from them.

``permissions``  the words, and the built-in roles
``reach``        a caller's grants laid over the domain tree
``search_scope`` the reach as the bounds of a search
``roles``        a role in the words of those who know fewer of them
``callers``      from an id, a key or a token to the caller, remembered for a moment
"""
