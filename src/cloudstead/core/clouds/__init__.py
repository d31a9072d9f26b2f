"""Device clouds: stamped out for an account, on this installation or in an AWS account of the customer.

``model``      the record, and what is kept apart from it
``states``     the life of a cloud as a table
``errors``     what can go wrong
``ports``      what an engine has to do, and what storage has to offer
"""
