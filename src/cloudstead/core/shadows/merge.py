"""The shadow algebra: deep merge with a timestamp beside every leaf, and the difference of two sections.

Pure: nothing given is ever altered. A section is a JSON object without nulls and without empty objects; its metadata
mirrors it, with ``{"timestamp": s}`` in the place of every scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudstead.core.shadows.model import JsonObject

Leaf = dict[str, int]


def merge(state: JsonObject, metadata: JsonObject, patch: JsonObject, leaf: Leaf) -> tuple[JsonObject, JsonObject]:
    """Return state and metadata after ``patch``: objects merge, null deletes, everything else is replaced whole.

    ``leaf`` is the one timestamp object that every touched leaf shares. An object that ends up empty disappears.
    """
    merged = state.copy()
    marks = metadata.copy()
    for key, value in patch.items():
        kind = type(value)
        if kind is dict:
            below = merged.get(key)
            if type(below) is dict:
                inner, inner_marks = merge(below, marks[key], value, leaf)
            else:
                inner, inner_marks = merge({}, {}, value, leaf)
            if inner:
                merged[key] = inner
                marks[key] = inner_marks
            else:
                merged.pop(key, None)
                marks.pop(key, None)
        elif value is None:
            merged.pop(key, None)
            marks.pop(key, None)
        else:
            merged[key] = value
            marks[key] = leaf if kind is not list else marks_of(value, leaf)
    return merged, marks


def merge_flat(state: JsonObject, metadata: JsonObject, patch: JsonObject, leaf: Leaf) -> tuple[JsonObject, JsonObject]:
    """Do as ``merge`` does for a patch of single values without a null."""
    marks: JsonObject = dict.fromkeys(patch, leaf)
    if tuple(state) == tuple(patch):  # a device mostly reports all it has
        return patch, marks
    return state | patch, metadata | marks


def marks_of(value: Any, leaf: Leaf) -> Any:
    """Return the metadata of a request's value: the same shape with ``leaf`` for every scalar and every null."""
    if type(value) is dict:
        return {key: leaf if type(below) not in {dict, list} else marks_of(below, leaf) for key, below in value.items()}
    if type(value) is list:
        return [marks_of(each, leaf) for each in value]
    return leaf


def difference(desired: JsonObject, reported: JsonObject, metadata: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Return what of ``desired`` differs from ``reported`` or is missing there, with desired's metadata of it.

    Keys that only ``reported`` has never count; an array counts as a whole; numbers compare by value.
    """
    state: JsonObject = {}
    marks: JsonObject = {}
    for key, wanted in desired.items():
        if key not in reported:
            state[key] = wanted
            marks[key] = metadata[key]
            continue
        actual = reported[key]
        if type(wanted) is dict and type(actual) is dict:
            inner, inner_marks = difference(wanted, actual, metadata[key])
            if inner:
                state[key] = inner
                marks[key] = inner_marks
        elif not same(wanted, actual):
            state[key] = wanted
            marks[key] = metadata[key]
    return state, marks


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal: 1 equals 1.0, but ``true`` does not equal 1 as Python would have it."""
    if type(left) is bool or type(right) is bool:
        return left is right
    if type(left) is list and type(right) is list:
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is dict and type(right) is dict:
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return bool(left == right)
