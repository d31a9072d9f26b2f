"""Aggregations are read as Elasticsearch 2 reads them, and refused in its words."""

from __future__ import annotations

import pytest

from cloudstead.search.aggregation import By, DateHistogramBuckets, Order, TermsBuckets, ValuePath
from cloudstead.search.aggregation_parser import MAX_AGGREGATIONS, MAX_DEPTH
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.rounding import CalendarRounding, CalendarUnit, FixedRounding
from cloudstead.search.search import parse_search
from cloudstead.search.zones import UTC_ZONE, zone_named


def only(definition):
    (aggregation,) = parse_search({"aggs": {"x": definition}}).aggregations
    return aggregation.spec


def histogram(**options):
    spec = only({"date_histogram": {"field": "timestamp"} | options})
    assert isinstance(spec, DateHistogramBuckets)
    return spec


@pytest.mark.parametrize(
    ("interval", "rounding"),
    [
        ("1M", CalendarRounding(CalendarUnit.MONTH)),
        ("month", CalendarRounding(CalendarUnit.MONTH)),
        ("quarter", CalendarRounding(CalendarUnit.QUARTER)),
        ("1w", CalendarRounding(CalendarUnit.WEEK)),
        ("2M", FixedRounding(120_000)),
        ("30m", FixedRounding(1_800_000)),
        ("1.5h", FixedRounding(5_400_000)),
        ("24H", FixedRounding(86_400_000)),
        ("250ms", FixedRounding(250)),
    ],
)
def test_only_single_calendar_units_follow_the_calendar(interval, rounding):
    assert histogram(interval=interval).rounding == rounding


def test_the_pre_zone_family_is_read_as_the_time_zone():
    spec = histogram(interval="30m", pre_zone="+01:00", pre_zone_adjust_large_interval=True, post_zone="-02:00")
    assert spec.rounding == FixedRounding(1_800_000, zone_named("+01:00"))
    assert spec.printed_in == zone_named("+01:00")
    assert spec.key_shift == zone_named("-02:00")


def test_a_zone_may_be_a_number_of_hours():
    assert histogram(interval="day", time_zone=2).printed_in == zone_named("+02:00")
    assert histogram(interval="day").printed_in == UTC_ZONE


def test_an_offset_moves_the_rounding():
    assert histogram(interval="day", offset="+6h").rounding.offset_ms == 21_600_000
    assert histogram(interval="day", offset="-1d").rounding.offset_ms == -86_400_000


def test_camel_case_is_accepted():
    assert histogram(interval="day", minDocCount=3, timeZone="+01:00").min_doc_count == 3


def test_terms_are_ordered_by_count_then_term_unless_told():
    spec = only({"terms": {"field": "a"}})
    assert isinstance(spec, TermsBuckets)
    assert spec.order == (Order(By.COUNT, ascending=False), Order(By.KEY, ascending=True))
    spec = only(
        {
            "terms": {"field": "a", "order": [{"m.max": "desc"}, {"_term": "asc"}]},
            "aggs": {"m": {"stats": {"field": "b"}}},
        }
    )
    assert spec.order == (Order(By.METRIC, False, ValuePath(("m",), "max")), Order(By.KEY, ascending=True))


def test_both_spellings_of_aggregations_are_read_and_meta_is_kept():
    parsed = parse_search(
        {
            "aggregations": {
                "a": {"terms": {"field": "a"}, "meta": {"k": 1}, "aggregations": {"b": {"avg": {"field": "b"}}}}
            }
        },
    )
    assert parsed.aggregations[0].meta == {"k": 1}
    assert parsed.aggregations[0].subs[0].name == "b"


@pytest.mark.parametrize(
    ("aggs", "reason"),
    [
        (
            {"a b": {"avg": {}}},
            "Invalid aggregation name [a b]. Aggregation names must be alpha-numeric and can only contain '_' and '-'",
        ),
        ({"a": []}, "Aggregation definition for [a starts with a [START_ARRAY], expected a [START_OBJECT]."),
        ({"a": {}}, "Missing definition for aggregation [a]"),
        ({"a": {"meta": {}}}, "Missing definition for aggregation [a]"),
        ({"a": {"average": {}}}, "Could not find aggregator type [average] in [a]"),
        ({"a": {"avg": 1}}, "Expected [START_OBJECT] under [avg], but got a [VALUE_NUMBER] in [a]"),
        ({"a": {"avg": {"field": "x"}, "max": {}}}, "Found two aggregation type definitions in [a]: [avg] and [max]"),
        ({"a": {"filter": {}, "aggs": {}, "aggregations": {}}}, "Found two sub aggregation definitions under [a]"),
        ({"a": {"avg": {}}}, "Required one of fields [field, script], but none were specified. "),
        ({"a": {"avg": {"script": "1"}}}, "scripts of type [inline], operation [aggs] and lang [groovy] are disabled"),
        ({"a": {"avg": {"field": "x", "factor": 1}}}, "Unknown key for a VALUE_NUMBER in [a]: [factor]."),
        ({"a": {"date_histogram": {"field": "x"}}}, "Missing required field [interval] for histogram aggregation [a]"),
        ({"a": {"histogram": {"field": "x"}}}, "Missing required field [interval] for histogram aggregation [a]"),
        ({"a": {"date_histogram": {"interval": 5}}}, "Unknown key for a VALUE_NUMBER in [a]: [interval]."),
        (
            {"a": {"date_histogram": {"interval": "day", "factor": 5}}},
            "Unknown key for a VALUE_NUMBER in [a]: [factor].",
        ),
        ({"a": {"date_histogram": {"field": "x", "interval": "0h"}}}, "Zero or negative time interval not supported"),
        (
            {"a": {"derivative": {"buckets_path": "x"}}},
            "derivative aggregation [a] must have a histogram as parent",
        ),
        ({"a": {"global": {}}}, "global aggregations are not allowed: [a]"),
        (
            {"a": {"terms": {"field": "x", "min_doc_count": -1}}},
            "parameters [requiredSize] and [minDocCount] must be >=0 in terms aggregation.",
        ),
        (
            {"a": {"avg": {"field": "x"}, "aggs": {"b": {"avg": {"field": "y"}}}}},
            "Aggregator [a] of type [avg] cannot accept sub-aggregations",
        ),
        (
            {"a": {"terms": {"field": "x", "order": {"b": "asc"}}}},
            "Invalid term-aggregator order path [b]. Unknown aggregation [b]",
        ),
        ({"a": {"range": {"field": "x"}}}, "Missing [ranges] in ranges aggregator [a]"),
        (
            {"a": {"histogram": {"field": "x", "interval": 5, "extended_bounds": {"min": 5, "max": 1}}}},
            "[extended_bounds.min][5] cannot be greater than [extended_bounds.max][1] for histogram aggregation [a]",
        ),
    ],
    ids=str,
)
def test_a_malformed_aggregation_is_refused_in_elasticsearchs_words(aggs, reason):
    with pytest.raises(SearchInvalid) as refusal:
        parse_search({"aggs": aggs})
    assert refusal.value.reason == reason


def nested(depth):
    aggs = {"a": {"avg": {"field": "x"}}}
    for _ in range(depth - 1):
        aggs = {"t": {"terms": {"field": "x"}, "aggs": aggs}}
    return {"aggs": aggs}


def test_aggregations_may_be_so_deep_and_so_many():
    parse_search(nested(MAX_DEPTH))
    with pytest.raises(SearchInvalid, match="deeper"):
        parse_search(nested(MAX_DEPTH + 1))
    many = {f"a{number}": {"avg": {"field": "x"}} for number in range(MAX_AGGREGATIONS + 1)}
    with pytest.raises(SearchInvalid, match="may hold"):
        parse_search({"aggs": many})
