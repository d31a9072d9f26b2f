"""Following one message: from its receipt to the last thing that it caused.

``model``   the steps of a message, and what became of each
``ports``   what has to be asked: the log, the index, how far each of them is
``message`` the message itself, out of whichever place still has it
``steps``   what is said of each step, from what was found
``tracing`` finds the message and asks everybody
"""
