"""Mail to people: what is written, and the job that brings it on its way.

``model``      a letter
``templates``  the letters that people need, as text and as simple HTML
``dress``      mails in the look of an account
``letters``    sending one: a job in the transaction of its cause
"""
