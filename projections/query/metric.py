"""A metric: a number with a name, made of parts, each of which can say which deal it comes from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, get_args, get_type_hints

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Malformed
from domain.money import check_currency
from projections.query.question import ATTRIBUTIONS, DIMENSIONS, PERIODS, Question
from projections.query.references import References, Select
from projections.rows.calendars import Period
from projections.versions import END, Origin, Projection

Key = tuple[Any, ...]


class Part(NamedTuple):
    """What some deals add to a figure.

    group: their values of the dimensions that were asked for. key: which of the metric's records. measures: what they
    add, a NamedTuple of the metric's own; those called amount are minor units of `currency`. deals: how many they are.
    origin: the one row, where the question was asked with rows apart. left_out: why they do not count, empty where
    they do. period: in which of the question's periods.
    """

    group: tuple[str, ...]
    key: Key
    measures: Any
    deals: int = 1
    origin: Origin | None = None
    left_out: str = ""
    currency: str = ""
    period: int = 0


class Query(NamedTuple):
    """A question on its way.

    references: what is known beside the deals. select: who runs selects. moment: the instant that the question is asked
    for; its `effective_at` is END where nothing is known of later. periods: what the answer is cut into, one after the
    other; its whole period where it is not. apart: whether every row is a part by itself. notes: what there is to say
    of the answer beside its figures, gathered on the way.
    """

    question: Question
    references: References
    select: Select
    moment: int
    periods: Sequence[Period]
    notes: set[str]
    apart: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What is grouped by, periods aside."""
        return tuple(name for name in self.question.by if name in DIMENSIONS)

    @property
    def moments(self) -> Sequence[int]:
        """The last instant of each period that has begun, the moment itself where that is earlier."""
        return [
            self.moment if period.until is None else min(self.moment, period.until - 1)
            for period in self.periods
            if began(period, self.moment)
        ]

    def at(self, moment: int) -> "Query":
        """The question at another moment, or at its own where that is earlier."""
        if moment >= self.moment:
            return self
        return self._replace(moment=moment, question=replace(self.question, effective_at=moment))

    def over(self, period: Period) -> "Query":
        """The question over a period."""
        question = replace(self.question, since=period.since, until=period.until)
        return self._replace(question=question, periods=(period,))


Parts = Callable[[Query], Iterable[Part]]
Records = Callable[[Query, Mapping[Key, Sequence[Any]]], Iterable[tuple[Key, Any]]]


class Metric(NamedTuple):
    """A number with its name. `version` rises when the definition changes, which is the docstring of `parts`.

    records: for the measures of one group by key, (key, record) in the order to show them in.
    of: the table whose rows it counts.
    modes, cohorts: ways to count, the first by default.
    period: whether it is asked over a period ("needed": not without), or at a moment ("").
    stage, closes, within, compares: whether it may be asked for one stage, for the deals that are to close on some
    days,
      within a time, for what became known since a position.
    dimensions: what it can be filtered and grouped by.
    at_once: whether `parts` says in which of the periods each part is; else it is asked once for each.
    none: the measures of what nothing was counted of, for the periods without anything; None where they have no row.
    ahead: whether it says something of periods that have not begun; else these have no row.
    """

    name: str
    version: int
    parts: Parts
    records: Records
    of: Projection
    modes: tuple[str, ...] = ()
    period: str = ""
    stage: bool = False
    dimensions: tuple[str, ...] = DIMENSIONS
    compares: bool = False
    closes: bool = False
    cohorts: tuple[str, ...] = ()
    within: bool = False
    at_once: bool = False
    none: Any = None
    ahead: bool = False

    @property
    def by(self) -> tuple[str, ...]:
        """What it is grouped by."""
        return *self.dimensions, *PERIODS

    @property
    def definition(self) -> str:
        """What the number means, with its unit and its source."""
        return self.parts.__doc__ or ""

    @property
    def record(self) -> type[Struct]:
        """What one of its records is."""
        return get_args(get_args(get_type_hints(self.records)["return"])[0])[1]

    def checked(self, question: Question) -> Question:
        """The question with its mode and cohort filled in, or Malformed where this metric cannot be asked so."""
        chosen: dict[str, str] = {}
        for name, ways in (("mode", self.modes), ("cohort", self.cohorts), ("attribute", ATTRIBUTIONS)):
            chosen[name] = getattr(question, name) or (ways[0] if ways else "")
            if chosen[name] and chosen[name] not in ways:
                raise Malformed(f"{name}: {self.name} has {', '.join(ways) or f'no {name}s'}, not {chosen[name]!r}")
        if other := [n for n in DIMENSIONS if n not in self.dimensions and getattr(question, n) is not None]:
            raise Malformed(
                f"{other[0]}: {self.name} can be asked for one {', '.join(self.dimensions)}, not {other[0]}"
            )
        if strange := [name for name in question.by if name not in self.by]:
            raise Malformed(f"by: {self.name} is grouped by {', '.join(self.by) or 'nothing'}, not by {strange[0]!r}")
        cuts = [name for name in question.by if name in PERIODS]
        if len(cuts) > 1 or len(set(question.by)) < len(question.by):
            raise Malformed("by: at most one of week, month and quarter, and nothing twice")
        since, until = question.since, question.until
        if not self.period and not cuts and (since is not None or until is not None):
            raise Malformed(f"since, until: {self.name} is asked at a moment, it has no period")
        compared = question.known_before is not None and since is None and until is None
        if ((self.period == "needed" and not compared) or cuts) and (since is None or until is None):
            raise Malformed(f"since, until: {self.name}{' by ' + cuts[0] if cuts else ''} needs both")
        if since is not None and until is not None and since >= until:
            raise Malformed("since: a period begins before it ends")
        if question.stage is not None and not self.stage:
            raise Malformed(f"stage: {self.name} is not about one stage")
        if question.within is not None and not self.within:
            raise Malformed(f"within: {self.name} does not judge by a time")
        self._check_comparison(question)
        for name in ("convert_to", "base_currency"):
            if (code := getattr(question, name)) is not None:
                check_currency(name, code)
        return replace(question, **chosen)

    def _check_comparison(self, question: Question) -> None:
        """Raise Malformed where days of closing or an earlier position make no sense."""
        first, last = question.closes_since, question.closes_until
        if not self.closes and (first is not None or last is not None):
            raise Malformed(f"closes_since, closes_until: {self.name} is not about when deals are to close")
        for name, day in (("closes_since", first), ("closes_until", last)):
            if day is not None and not is_day(day):
                raise Malformed(f"{name}: {day!r} is not a day such as 2026-01-31")
        if first is not None and last is not None and first > last:
            raise Malformed("closes_since: must not lie after closes_until")
        if question.known_before is not None:
            if not self.compares:
                raise Malformed(f"known_before: {self.name} is asked at one position, not between two")
            if question.known_before > question.known_at:
                raise Malformed("known_before: must not lie after known_at")


def is_day(text: str) -> bool:
    """Whether a text is a day as rows write it, so that texts compare as days do."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


class Figure(NamedTuple):
    """A record with the group that it is of, by dimension and period, and the parts that it was made of."""

    group: dict[str, str]
    record: Struct
    parts: Sequence[Part]


class Result(NamedTuple):
    """What a metric came to: its figures, and the parts that count in none."""

    figures: list[Figure]
    left_out: list[Part]


def compute(metric: Metric, query: Query) -> Result:
    """The answer to a question, which `metric` has checked."""
    unit = next((name for name in query.question.by if name in PERIODS), None)
    periods, counted, left_out = cut(metric, unit, query), dict[Place, dict[Key, list[Part]]](), list[Part]()
    for number, asked in questions(metric, query, unit, periods):
        for part in metric.parts(asked):
            if part.left_out:
                left_out.append(part)
            else:
                counted.setdefault((number + part.period, part.group), {}).setdefault(part.key, []).append(part)
    if not query.dimensions and unit is None:
        counted.setdefault((0, ()), {})  # asked of all deals, there is an answer also where there are none
    if unit and metric.none is not None:
        fill(counted, [number for number, period in enumerate(periods) if began(period, query.moment)])
    figures: list[Figure] = []
    for (number, group), by_key in sorted(counted.items(), key=lambda item: item[0]):
        names = dict(zip(query.dimensions, group, strict=True)) | ({unit: periods[number].label} if unit else {})
        shown = {name: names[name] for name in query.question.by}
        measures = {key: [part.measures for part in parts] or [metric.none] for key, parts in by_key.items()}
        asked = at_end(metric, query, periods[number]) if unit else query
        figures += (Figure(shown, record, by_key.get(key, ())) for key, record in metric.records(asked, measures))
    return Result(figures, left_out)


Place = tuple[int, tuple[str, ...]]
"""The number of a period, and a group."""


def cut(metric: Metric, unit: str | None, query: Query) -> Sequence[Period]:
    """What an answer is cut into: the weeks, months or quarters, or the whole.

    Those that have begun, unless the metric looks ahead.
    """
    question = query.question
    if unit is None or question.since is None or question.until is None:
        return [Period("", question.since, question.until)]
    periods = query.references.calendar.periods(unit, question.since, question.until)
    return [period for period in periods if metric.ahead or began(period, query.moment)]


def questions(metric: Metric, query: Query, unit: str | None, periods: Sequence[Period]) -> Iterator[tuple[int, Query]]:
    """(number of the first period, the question) as often as a metric is to be asked."""
    if unit is None or metric.at_once:
        if periods:
            yield 0, query._replace(periods=periods)
        return
    for number, period in enumerate(periods):
        yield number, at_end(metric, query, period)


def at_end(metric: Metric, query: Query, period: Period) -> Query:
    """The question over a period; where it is one of a moment, that is the period's last, or the question's own."""
    if metric.period:
        return query.over(period)
    return query.at((END if period.until is None else period.until) - 1).over(Period(period.label, None, None))


def began(period: Period, moment: int) -> bool:
    """Whether a period has begun by a moment: what lies after it is not known, and not nothing."""
    return period.since is None or period.since <= moment


def fill(counted: dict[Place, dict[Key, list[Part]]], numbers: Sequence[int]) -> None:
    """Add what nothing was counted of in a period, and something in another one."""
    keys: dict[tuple[str, ...], dict[Key, None]] = {}
    for (_, group), by_key in counted.items():
        keys.setdefault(group, {}).update(dict.fromkeys(by_key))
    for number in numbers:
        for group, of in keys.items():
            by_key = counted.setdefault((number, group), {})
            for key in of:
                by_key.setdefault(key, [])


__all__ = ["Figure", "Result", "Query", "Key", "Metric", "Origin", "Part", "Period", "began", "compute"]
