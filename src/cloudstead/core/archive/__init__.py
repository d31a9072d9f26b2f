"""The archive: every update message as it came, in objects of five minutes or 5 MB (Cloud Connect 2.11, section 5.2).

``model``     an object's row, and the contents list beside each object
``ports``     what the archive needs: a log to read back, rows, objects
``names``     what objects are called
``cutting``   which message goes into which object: pure, the same whenever the log is read
``building``  an open file as the bytes of an object
``archive``   follows the log: takes what is committed, catches up, writes, remembers how far
``reading``   messages out of objects again
``errors``    what can go wrong
"""
