"""The past once more: messages out of the log or the archive, into an index or through rules.

``sources``  which messages: spans of the log, objects of the archive
``rebuild``  messages as what an index holds of them
``judging``  messages as what rules make of them
"""
