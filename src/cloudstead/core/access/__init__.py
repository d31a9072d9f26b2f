"""Who may do what, and where: permissions, roles, grants and the reach that follows from them.

``permissions``  the words, and the built-in roles
``reach``        a caller's grants laid over the domain tree
"""
