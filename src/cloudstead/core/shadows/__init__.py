"""Shadows: what a thing last reported and what it is wished to be.

``model``      the shadow, its request and its outcome
``errors``     the rejections, with AWS's codes and words
``documents``  a request read and checked
``merge``      the algebra: deep merge, metadata, delta
``changes``    update, get and delete applied to a shadow, with every message that follows
``ports``      what storage has to offer
"""
