"""The index of observations and things in ClickHouse: embedded through chDB, or a server over HTTP.

`schema` holds the tables and the limits, `engine` the connections and their threads, `rows` what is written,
`catalogue` what was seen at each path of the states, `index` the port itself. One SQL dialect, one client.
"""

from cloudstead.storage.observations.engine import EmbeddedEngine, Engine, ServerEngine
from cloudstead.storage.observations.index import ClickHouseIndex, open_observations

__all__ = ["ClickHouseIndex", "EmbeddedEngine", "Engine", "ServerEngine", "open_observations"]
