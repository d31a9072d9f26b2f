"""The Elasticsearch query language: DSL to typed query, typed query to SQL, and the response shape back.

Floor plan: `search` reads a body into a `ParsedSearch` with the help of `query_parser`, `aggregation_parser` and
`selection`. A query is read by `leaf_parser`, `match_parser`, `query_string` or `simple_query_string`; `analysis`
splits texts into words, `expressions` reads Lucene's, `matching` says what a typed query means in an index. `answer`
turns it all into a conversation of SQL statements and rows with the help of `conditions` and `text_conditions` (what
matches), `scoring`, `levels` (buckets; their kinds are in `grouping`, `histograms` and `choices`), `figures`
(metrics), `pages` and `hits` (documents). `dates`, `rounding` and `zones` know time, `fields`, `values` and `terms`
know what the store holds, and `flattening` brings a state into the form in which it is stored. `sql` is the only
place where outside text becomes SQL. Nothing here knows a database or asks for the time.
"""

from cloudstead.search.answer import Conversation, answer
from cloudstead.search.errors import SearchInvalid, TooManyBuckets
from cloudstead.search.fields import OBSERVATIONS, THINGS, Index, Kind, Paths
from cloudstead.search.flattening import FlatState, flatten
from cloudstead.search.scope import SearchScope
from cloudstead.search.search import ParsedSearch, parse_search

__all__ = [
    "OBSERVATIONS",
    "THINGS",
    "Conversation",
    "FlatState",
    "Index",
    "Kind",
    "ParsedSearch",
    "Paths",
    "SearchInvalid",
    "SearchScope",
    "TooManyBuckets",
    "answer",
    "flatten",
    "parse_search",
]
