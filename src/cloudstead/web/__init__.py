"""HTTP itself, over Starlette: operation tables, dispatch, decoding, OpenAPI; knows no dialect and no feature.

``table``    operations as rows
``routes``   from a request to its row: by path (a trie) or by a key beside the path
``call``     one request on its way to its handler
``answer``   answers that are bytes already, sent with one write
``intake``   bodies, read within bounds that all requests share
``forms``    forms with files
``errors``   what HTTP itself refuses, before any feature is asked
``face``     one dialect as the outside sees it: rows, credentials, errors, cross-origin policy
``app``      the ASGI application that serves many faces
``metrics``  counts and latencies by operation
``bearer``   the ``Authorization: Bearer`` header
``sigv4``    AWS Signature Version 4, verified: pure, no clock, no store
``signed``   whose signature it is
``openapi``  one OpenAPI 3.1 document for each group of faces
``page``     that document as a page for people
"""
