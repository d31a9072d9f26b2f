"""Audit: every change, by whom, from where, through which operation.

``model``  the entry
``ports``  what storage has to offer
"""
