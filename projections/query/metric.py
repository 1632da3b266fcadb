"""A metric: a number with a name, made of parts, each of which can say which deal it comes from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Malformed
from domain.money import CURRENCY
from projections.query.question import DIMENSIONS, PERIODS, Question
from projections.query.references import References, Select
from projections.rows.calendars import Period
from projections.versions import END, Origin, Projection

Key = tuple[Any, ...]


class Part(NamedTuple):
    """What some deals add to a figure.

    group: their values of the dimensions that were asked for. key: which of the metric's records. measures: what they
    add, a NamedTuple of the metric's own; those called amount are minor units of `currency`. deals: how many they are.
    origin: the one row, where the question was asked with rows apart. left_out: why they do not count, empty where
    they do.
    """

    group: tuple[str, ...]
    key: Key
    measures: Any
    deals: int = 1
    origin: Origin | None = None
    left_out: str = ""
    currency: str = ""


class Query(NamedTuple):
    """A question on its way: what else is known, and who runs selects. apart: whether every row is a part by itself."""

    question: Question
    references: References
    select: Select
    apart: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What is grouped by, periods aside."""
        return tuple(name for name in self.question.by if name in DIMENSIONS)


Parts = Callable[[Query], Iterable[Part]]
Records = Callable[[Query, Mapping[Key, Sequence[Any]]], Iterable[tuple[Key, Any]]]


class Metric(NamedTuple):
    """A number with its name. `version` rises when the definition changes, which is the docstring of `parts`.

    records: for the measures of one group by key, (key, record) in the order to show them in. period: whether it is
    asked over a period ("needed": not without), or at a moment. of: the table whose rows it counts. dimensions: what
    these can be filtered and grouped by. compares: whether it may be asked for what became known since a position, with
    a period or without. closes: whether of the deals that are to close on some days.
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

    @property
    def by(self) -> tuple[str, ...]:
        """What it is grouped by."""
        return *self.dimensions, *PERIODS

    @property
    def definition(self) -> str:
        """What the number means, with its unit and its source."""
        return self.parts.__doc__ or ""

    def checked(self, question: Question) -> Question:
        """The question with its mode filled in, or Malformed where this metric cannot be asked so."""
        mode = question.mode or (self.modes[0] if self.modes else "")
        if mode and mode not in self.modes:
            raise Malformed(f"mode: {self.name} has {', '.join(self.modes) or 'no modes'}, not {mode!r}")
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
        self._check_comparison(question)
        if question.convert_to is not None and not CURRENCY.fullmatch(question.convert_to):
            raise Malformed(f"convert_to: {question.convert_to!r} is not an ISO 4217 code such as EUR")
        return replace(question, mode=mode)

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
    whole = Result([], [])
    for period, question in cut(metric, query):
        asked = query._replace(question=question)
        groups: dict[tuple[str, ...], dict[Key, list[Part]]] = {}
        if not asked.dimensions:
            groups[()] = {}  # asked of all deals, there is an answer also where there are none
        for part in metric.parts(asked):
            if part.left_out:
                whole.left_out.append(part)
            else:
                groups.setdefault(part.group, {}).setdefault(part.key, []).append(part)
        for group, by_key in sorted(groups.items()):
            values = dict(zip(asked.dimensions, group, strict=True)) | period
            names = {name: values[name] for name in query.question.by}
            measures = {key: [part.measures for part in parts] for key, parts in by_key.items()}
            whole.figures.extend(
                Figure(names, record, by_key.get(key, ())) for key, record in metric.records(asked, measures)
            )
    return whole


def cut(metric: Metric, query: Query) -> Iterator[tuple[dict[str, str], Question]]:
    """The question once for each period that is grouped by: over it, or at its end where it is one of a moment."""
    question = query.question
    unit = next((name for name in question.by if name in PERIODS), None)
    if unit is None or question.since is None or question.until is None:
        yield {}, question
        return
    for label, since, until in query.references.calendar.periods(unit, question.since, question.until):
        if metric.period:
            yield {unit: label}, replace(question, since=since, until=until)
        else:
            moment = min(question.effective_at, (END if until is None else until) - 1)
            yield {unit: label}, replace(question, since=None, until=None, effective_at=moment)


__all__ = ["Figure", "Result", "Query", "Key", "Metric", "Origin", "Part", "Period", "compute"]
