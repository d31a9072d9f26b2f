"""Wire types.

Unknown attributes of a request are ignored. In a creation ``null`` is as good as absent; in a change absent leaves an
attribute as it is and ``null`` clears it.
"""
