"""Audit: every change, by whom, from where, through which operation.

``model``   the entry
``record``  writes them, in the transaction of the change
``log``     reads them
``ports``   what storage has to offer
"""
