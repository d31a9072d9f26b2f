"""Webhooks: requests to servers of other people, made because something happened here.

``model``  a webhook, and what can be none
``calls``  enqueuing one: a job in the transaction of its cause
"""
