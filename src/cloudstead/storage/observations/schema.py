"""The tables of the index and the settings of its sessions; every limit is written out.

The index can always be rebuilt from the log and the state store, so a change that these statements cannot express is
made by dropping a table and replaying.
"""

from typing import Final

# 64 paths of a part have columns of their own, further ones share columns: at 1024 a week of ten million rows opened
# 13,000 files. Eight types per path are one more than `search.flattening` writes.
_STATE = "JSON(max_dynamic_paths = 64, max_dynamic_types = 8)"
# A part is on disk before its insert returns. A retried insert is recognised by its token. The last 64 MiB of a disk
# are left alone: an insert that runs out of space half-way is acknowledged by the embedded engine all the same, and
# its part found broken at the next start.
_DURABLE = (
    "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, "
    f"min_free_disk_bytes_to_perform_insert = {64 << 20}"
)

TABLES: Final = (
    f"""CREATE TABLE IF NOT EXISTS observations (
        offset UInt64 CODEC(Delta, ZSTD(1)),
        account_id LowCardinality(String),
        thing_uid LowCardinality(String),
        thing_name LowCardinality(String),
        thing_type LowCardinality(String),
        domain LowCardinality(String),
        ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
        source String CODEC(ZSTD(1)),
        state {_STATE} CODEC(ZSTD(1)),
        INDEX offsets offset TYPE minmax GRANULARITY 4
    ) ENGINE = MergeTree PARTITION BY toMonday(ts) ORDER BY (account_id, domain, thing_name, ts)
    SETTINGS {_DURABLE}""",
    f"""CREATE TABLE IF NOT EXISTS shadow_changes (
        offset UInt64 CODEC(Delta, ZSTD(1)),
        account_id LowCardinality(String),
        thing_uid LowCardinality(String),
        thing_name LowCardinality(String),
        verb LowCardinality(String),
        version Int64 CODEC(Delta, ZSTD(1)),
        author LowCardinality(String),
        ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
        request String CODEC(ZSTD(1)),
        outcome Int32,
        INDEX offsets offset TYPE minmax GRANULARITY 4
    ) ENGINE = MergeTree PARTITION BY toMonday(ts) ORDER BY (account_id, thing_uid, offset)
    SETTINGS {_DURABLE}""",
    f"""CREATE TABLE IF NOT EXISTS things (
        account_id LowCardinality(String),
        thing_name String,
        thing_uid String,
        thing_type LowCardinality(String),
        label Nullable(String),
        domain LowCardinality(String),
        description Nullable(String),
        created_at DateTime64(3, 'UTC'),
        created_by Nullable(String),
        version Int64,
        source String CODEC(ZSTD(1)),
        state {_STATE} CODEC(ZSTD(1))
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (account_id, thing_name)
    SETTINGS {_DURABLE}""",
    f"""CREATE TABLE IF NOT EXISTS state_paths (
        account_id LowCardinality(String),
        name LowCardinality(String),
        path String,
        kinds UInt8
    ) ENGINE = ReplacingMergeTree ORDER BY (account_id, name, path, kinds)
    SETTINGS {_DURABLE}""",
)

OBSERVATION_COLUMNS: Final = (
    "offset",
    "account_id",
    "thing_uid",
    "thing_name",
    "thing_type",
    "domain",
    "ts",
    "source",
    "state",
)
CHANGE_COLUMNS: Final = (
    "offset",
    "account_id",
    "thing_uid",
    "thing_name",
    "verb",
    "version",
    "author",
    "ts",
    "request",
    "outcome",
)
THING_COLUMNS: Final = (
    "account_id",
    "thing_name",
    "thing_uid",
    "thing_type",
    "label",
    "domain",
    "description",
    "created_at",
    "created_by",
    "version",
    "source",
    "state",
)
PATH_COLUMNS: Final = ("account_id", "name", "path", "kinds")

_MEGABYTE = 1024 * 1024

_COMMON: Final = {
    "max_threads": 2,
    # Statements name thousands of buckets and documents; the default of 256 KB is meant for what people type.
    "max_query_size": 8 * _MEGABYTE,
    "max_ast_elements": 500_000,
    "max_expanded_ast_elements": 1_000_000,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_denormals": 0,
    "output_format_json_named_tuples_as_objects": 0,
    "log_queries": 0,
}

WRITER_SETTINGS: Final = _COMMON | {
    "max_insert_threads": 1,
    "input_format_parallel_parsing": 0,
    "max_threads": 1,
    "async_insert": 0,
    "insert_deduplicate": 1,
    # The types of a state are those of its JSON: a text that looks like a date or a number stays a text.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_try_infer_numbers_from_strings": 0,
    "input_format_json_read_bools_as_numbers": 0,
    "type_json_skip_duplicated_paths": 1,
    "lightweight_deletes_sync": 2,
    "mutations_sync": 2,
}

READER_SETTINGS: Final = _COMMON | {
    "max_bytes_before_external_group_by": 0,
    "max_result_rows": 200_000,
    "result_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
    "use_uncompressed_cache": 0,
    # Reading sessions cannot change anything, whatever a statement says.
    "readonly": 2,
}
