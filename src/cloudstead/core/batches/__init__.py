"""Batches: many things made in the background, and the archive with all of their credentials.

``model``     a batch and how far it is
``errors``    what can go wrong
``ports``     what batches need from storage
``registry``  asking for a batch, listing batches
``maker``     the background work: a few things in each transaction, then the archive
"""
