"""What goes out: one module for each channel, each a performer of the jobs of one kind.

``webhooks``     requests to servers of other people
``reach``        which addresses a webhook may reach, and the step that connects to exactly those
``mail``         letters: from a job to a message
``smtp``         a mail server as the way out
``mail_folder``  a folder as the way out, for a laptop and for tests
"""
