"""The state store over SQL: SQLite in one file, or PostgreSQL, behind the same stores.

``database``     opening, and what both engines offer
``unit``         the unit of work with its stores
``stores``       one file for each feature
``tables``       every table
``statements``   SQL written once, compiled for each engine
``transaction``  what a store needs from an engine
``trees``        domain trees kept between transactions
``migrations``   numbered steps to today's schema
``schema``       which one a store has, and came from
``errors``       what can go wrong with the store itself

The SQLite engine: ``sqlite_database``, ``sqlite_writer`` (group commit), ``sqlite_transaction``, ``sqlite_schema``,
``ownership``. The PostgreSQL engine: ``postgresql_database``, ``postgresql_transaction``, ``postgresql_schema``.
"""

from cloudstead.storage.sql.database import Database

__all__ = ["Database"]
