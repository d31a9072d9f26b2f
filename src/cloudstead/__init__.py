"""cloudstead: a device cloud that you own.

The floor plan, from the street upwards; a room may use the rooms below it, never those above:

- ``app``        settings, wiring, server and command line: the only room that knows what is real
- ``storage``    adapters for every port of core: SQL, observations, objects
- ``dialects``   the published APIs that we speak, one package each
- ``gateway``    asyncio shells for devices and live clients: listeners, TLS, WebSocket, fan-out
- ``delivery``   what goes out: mail and webhooks
- ``web``        HTTP itself: operation tables, dispatch, decoding, OpenAPI
- ``work``       background jobs: claiming, performing, trying again
- ``core``       what a device cloud does; no wire, no SQL, no sockets
- ``protocols``  sans-I/O codecs: bytes in, events out
- ``log``        the commit log
- ``search``     the Elasticsearch query language, as types and as SQL
"""

__version__ = "0.1.0"
