"""Jobs: work that is done in the background, and what goes out, as rows written with their cause.

``model``  a job, an attempt, and what became of it
``ports``  what jobs need from storage, and whoever performs them
``events`` what the worker hears when some were added
"""
