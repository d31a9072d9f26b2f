"""Many rules made ready for one kind of thing, so that a report asks few of them.

The rules of one resource are kept by what they compare with: thresholds in order, so that those which a value passes
are one slice; equal values in a dictionary. So a report costs a look-up for each value in it, not a comparison for each
rule. Says the same as asking ``resources.find`` and ``values.is_hit`` for every rule.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from cloudstead.core.rules.model import Operator
from cloudstead.core.rules.resources import MISSING, Found, follow, kind_of
from cloudstead.core.rules.values import is_hit, is_number, number_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cloudstead.core.ids import ThingName
    from cloudstead.core.rules.model import Rule

_KINDS: Final = (int, float, str, bool, type(None))

K = TypeVar("K", int | float, str)


class Match(NamedTuple):
    """A rule whose expression was hit, and by what."""

    rule: Rule
    found: Found


class _Slices(Generic[K]):
    """Rules by their values, in order; a value hits one side of one cut."""

    def __init__(self, pairs: Iterable[tuple[K, Rule]], *, is_below: bool, cut: Callable[[list[K], K], int]) -> None:
        """``is_below`` says that rules with values below the observed one are hit; ``cut`` finds the place."""
        ordered = sorted(pairs, key=lambda pair: pair[0])
        self._values: list[K] = [value for value, _ in ordered]
        self._rules = [rule for _, rule in ordered]
        self._is_below = is_below
        self._cut: Callable[[list[K], K], int] = cut

    def hit_by(self, observed: K) -> list[Rule]:
        place = self._cut(self._values, observed)
        return self._rules[:place] if self._is_below else self._rules[place:]


_CUTS: Final[dict[Operator, tuple[bool, Callable[[list[Any], Any], int]]]] = {
    Operator.GT: (True, bisect_left),
    Operator.GTE: (True, bisect_right),
    Operator.LT: (False, bisect_right),
    Operator.LTE: (False, bisect_left),
}


class _Comparisons(Generic[K]):
    """Rules that one kind of observed value is compared with, by order or for being equal."""

    def __init__(self, pairs: list[tuple[K, Rule]]) -> None:
        self._slices: list[_Slices[K]] = []
        for operator, (is_below, cut) in _CUTS.items():
            chosen = [pair for pair in pairs if pair[1].expression.operator is operator]
            if chosen:
                self._slices.append(_Slices(chosen, is_below=is_below, cut=cut))
        self._equal: dict[K, list[Rule]] = {}
        for value, rule in pairs:
            if rule.expression.operator is Operator.EQ:
                self._equal.setdefault(value, []).append(rule)

    def hit_by(self, observed: K) -> list[Rule]:
        found = self._equal.get(observed)
        hits = list(found) if found else []
        for each in self._slices:
            hits += each.hit_by(observed)
        return hits


class _Tests:
    """All rules of one resource."""

    def __init__(self, rules: list[Rule]) -> None:
        numbers: list[tuple[int | float, Rule]] = []
        spelt: list[tuple[int | float, Rule]] = []
        texts: list[tuple[str, Rule]] = []
        self._fixed: list[Rule] = []  # true, false and null, which only equality knows
        for rule in rules:
            value = rule.expression.value
            if is_number(value):
                numbers.append((value, rule))  # type: ignore[arg-type] # just asked
            elif type(value) is str:
                texts.append((value, rule))
                if (number := number_in(value)) is not None:
                    spelt.append((number, rule))
            elif rule.expression.operator is Operator.EQ:
                self._fixed.append(rule)
        self._of_number = _Comparisons([*numbers, *spelt])
        self._of_spelt_number = _Comparisons(numbers)
        self._of_text = _Comparisons(texts)
        self._has_numbers = bool(numbers)
        # Nearly every value hits these, so there is nothing to be gained by order.
        self._unequal = [rule for rule in rules if rule.expression.operator is Operator.NE]

    def hit_by(self, observed: Any) -> list[Rule]:
        kind = type(observed)
        if kind is float or kind is int:
            hits = self._of_number.hit_by(observed)
        elif kind is str:
            hits = self._of_text.hit_by(observed)
            if self._has_numbers and (number := number_in(observed)) is not None:
                hits += self._of_spelt_number.hit_by(number)
        elif kind in _KINDS:
            hits = [rule for rule in self._fixed if rule.expression.value is observed]
        else:
            return []
        if self._unequal:
            hits += [rule for rule in self._unequal if is_hit(Operator.NE, observed, rule.expression.value)]
        return hits


class _Group:
    """Rules that look at the same things, by resource."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        by_resource: dict[str, list[Rule]] = {}
        for rule in rules:
            by_resource.setdefault(rule.expression.resource, []).append(rule)
        self._direct: dict[str, _Tests] = {}
        self._below: dict[str, dict[str, _Tests]] = {}
        self._deep: dict[str, dict[str, _Tests]] = {}
        for resource, chosen in by_resource.items():
            tests = self._direct[resource] = _Tests(chosen)
            head, dot, rest = resource.partition(".")
            if dot:
                self._below.setdefault(head, {})[rest] = tests
                if "." in rest:
                    self._deep.setdefault(head, {})[rest] = tests

    def find(self, reported: Mapping[str, Any], whole: Mapping[str, Any], matches: list[Match]) -> None:
        direct = self._direct
        for key, value in reported.items():
            tests = direct.get(key)
            if tests is not None:
                hits = tests.hit_by(value)
                if hits:
                    found = Found(key, key, value)
                    matches += [Match(rule, found) for rule in hits]
            if type(value) is dict and self._below:
                kind = kind_of(key, value, whole)
                self._find_below(kind, key, value, matches)
                if kind != key:
                    self._find_below(key, key, value, matches)

    def _find_below(self, head: str, key: str, below: Mapping[str, Any], matches: list[Match]) -> None:
        by_name = self._below.get(head)
        if by_name is None:
            return
        for name, value in below.items():
            tests = by_name.get(name)
            if tests is not None:
                _add(tests, Found(name, f"{key}.{name}", value, key), matches)
        for path, tests in self._deep.get(head, {}).items():
            if path not in below and (value := follow(path, below)) is not MISSING:
                _add(tests, Found(path, f"{key}.{path}", value, key), matches)


def _add(tests: _Tests, found: Found, matches: list[Match]) -> None:
    matches += [Match(rule, found) for rule in tests.hit_by(found.value)]


class Plan:
    """The rules that look at things of one type at one domain."""

    __slots__ = ("_by_name", "_for_all")

    def __init__(self, rules: Iterable[Rule]) -> None:
        for_all: list[Rule] = []
        by_name: dict[ThingName, list[Rule]] = {}
        for rule in rules:
            if not rule.filter.thing_names:
                for_all.append(rule)
            for name in set(rule.filter.thing_names):
                by_name.setdefault(name, []).append(rule)
        self._for_all = _Group(for_all) if for_all else None
        self._by_name = {name: _Group(chosen) for name, chosen in by_name.items()}

    def hits(self, name: ThingName, reported: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Match]:
        """Return every rule that a report of the thing hits, with what hit it, in the order of ids and paths.

        ``whole`` is all that is reported once the report is merged.
        """
        matches: list[Match] = []
        if self._for_all is not None:
            self._for_all.find(reported, whole, matches)
        if self._by_name and (own := self._by_name.get(name)) is not None:
            own.find(reported, whole, matches)
        if len(matches) > 1:
            matches.sort(key=_order)
        return matches


def _order(match: Match) -> tuple[str, str]:
    return match.rule.id, match.found.path
