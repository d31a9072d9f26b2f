"""Observations: what things reported, kept and searched.

``model``   what the index is given
``errors``  what can go wrong
``ports``   what the index has to offer
``find``    the rules of FIND
"""
