"""What a clause may say about itself without changing which documents it finds: its boost, its name, its caching."""

from dataclasses import dataclass

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.matching import boosted
from cloudstead.search.query import Query
from cloudstead.search.reading import real, word

# These change how Elasticsearch caches or weighs a query, never which documents it finds.
WITHOUT_EFFECT = frozenset({"_cache", "_cache_key", "cache", "disable_coord", "adjust_pure_negative"})


@dataclass(slots=True)
class Weights:
    """Reads those members of one clause, and puts the boost on it."""

    kind: str
    boost: float = 1.0

    def take(self, key: str, value: object) -> None:
        """Read a member that only weighs, names or caches the clause; refuse any other by its name."""
        if key == "boost":
            self.boost = real(value, f"{self.kind}.boost")
        elif key == "_name":
            word(value, f"{self.kind}._name")
        elif key not in WITHOUT_EFFECT or not isinstance(value, bool | str):
            raise SearchInvalid(f"[{self.kind}] query does not support [{key}]")

    def on(self, query: Query) -> Query:
        """Put the boost on a query."""
        return boosted(query, self.boost)
