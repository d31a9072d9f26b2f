"""Background work: jobs are claimed from the store, performed, and tried again when they fail.

``worker``  claims, performs, notes, and drains at the end
``notes``   what became of jobs, on its way into the store
``shares``  how many at once for whom
``retry``   how long to wait before the next try, and when to give up
``pauses``  waiting for a time or for something to happen, so that tests wait for nothing
"""
