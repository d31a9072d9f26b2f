"""The words of the wire.

``text``         texts that may come as numbers
``inputs``       what each action takes
``selection``    attributes asked for with null
``auth``, ``domains``, ``things``, ``thing_types``  what comes out
"""
