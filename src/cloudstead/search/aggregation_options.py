"""The options of an aggregation, checked key by key: what is not known is refused in Elasticsearch's words."""

import re
from typing import TypeAlias

from cloudstead.search.date_formats import MAX_LENGTH, check_format
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import Scalar, members, scalar, token, truth, word
from cloudstead.search.zones import Zone, zone_of

Options: TypeAlias = dict[str, object]

_SCRIPTED = frozenset({"script", "script_file", "script_id", "inline", "scripts", "value_script"})


def unknown(name: str, key: str, value: object) -> SearchInvalid:
    """Make the refusal of a key."""
    if key in _SCRIPTED:
        return SearchInvalid("scripts of type [inline], operation [aggs] and lang [groovy] are disabled")
    return SearchInvalid(f"Unknown key for a {token(value)} in [{name}]: [{key}].")


def options_of(name: str, body: object, known: frozenset[str]) -> Options:
    """Take the members that the aggregation knows; camel case is accepted as Elasticsearch 2 does."""
    found: Options = {}
    for key, value in members(body, name).items():
        plain = re.sub(r"(?<=[a-z])[A-Z]", lambda match: "_" + match[0].lower(), key)
        if plain not in known:
            raise unknown(name, key, value)
        if value is not None:
            found[plain] = value
    return found


def field_of(name: str, options: Options) -> str:
    """Take the field, which must be named: there are no scripts."""
    if "field" not in options:
        raise SearchInvalid("Required one of fields [field, script], but none were specified. ")
    return word(options["field"], name)


def missing_of(name: str, options: Options) -> Scalar | None:
    """Take the value that stands for an absent one."""
    return scalar(options["missing"], name) if "missing" in options else None


def flag_of(name: str, options: Options, key: str, *, default: bool) -> bool:
    """Take a boolean."""
    return truth(options[key], name) if key in options else default


def format_of(name: str, options: Options) -> str | None:
    """Take a date format that can be printed."""
    return check_format(word(options["format"], name)) if "format" in options else None


def number_format_of(name: str, options: Options) -> str | None:
    """Take a format whose meaning depends on the field: of dates or of numbers."""
    if "format" not in options:
        return None
    written = word(options["format"], name)
    if len(written) > MAX_LENGTH:
        raise SearchInvalid(f"Invalid format: longer than {MAX_LENGTH} characters")
    return written


def zone_option(name: str, options: Options, key: str) -> Zone | None:
    """Take a time zone."""
    return zone_of(options[key], name) if key in options else None
