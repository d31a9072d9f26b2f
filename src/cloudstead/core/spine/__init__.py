"""The spine: the log first, everything else follows it.

``topics``     how things and domains are spelt in topics, and who may use which
``requests``   a shadow request on its way down
``records``    the request as a log record, and back
``intake``     requests into the log, acknowledgements out
``applier``    records applied to shadows in the order of their offsets
``messages``   what is published of it, and in which order
``resources``  what thing types learn from shadows
``projector``  what was applied into the index and the state store, and the checkpoint
``backlog``    what the index could not take yet
``authors``    whom a change is owed to
``doors``      what people may do with shadows and topics
``errors``     what can go wrong
``pending``    what was applied and is not yet written
``ports``      what the spine needs from the rooms around it
``spine``      all of it put together: start, recover, serve, settle, stop
"""
