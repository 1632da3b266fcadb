"""A metric: a number with a name, made of parts, each of which can say which deal it comes from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Malformed
from domain.money import CURRENCY
from projections.calendars import Period
from projections.question import DIMENSIONS, PERIODS, Question
from projections.references import References, Select
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


class Inquiry(NamedTuple):
    """A question on its way: what else is known, and who runs selects. apart: whether every row is a part by itself."""

    question: Question
    references: References
    select: Select
    apart: bool = False

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What is grouped by, periods aside."""
        return tuple(name for name in self.question.by if name in DIMENSIONS)


Parts = Callable[[Inquiry], Iterable[Part]]
Records = Callable[[Inquiry, Mapping[Key, Sequence[Any]]], Iterable[tuple[Key, Any]]]


class Metric(NamedTuple):
    """A number with its name. `version` rises when the definition changes, which is the docstring of `parts`.

    records: for the measures of one group by key, (key, record) in the order to show them in. period: whether it is
    asked over a period ("needed": not without), or at a moment. of: the table whose rows it counts. dimensions: what
    these can be filtered and grouped by.
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
        if (self.period == "needed" or cuts) and (since is None or until is None):
            raise Malformed(f"since, until: {self.name}{' by ' + cuts[0] if cuts else ''} needs both")
        if since is not None and until is not None and since >= until:
            raise Malformed("since: a period begins before it ends")
        if question.stage is not None and not self.stage:
            raise Malformed(f"stage: {self.name} is not about one stage")
        if question.convert_to is not None and not CURRENCY.fullmatch(question.convert_to):
            raise Malformed(f"convert_to: {question.convert_to!r} is not an ISO 4217 code such as EUR")
        return replace(question, mode=mode)


class Figure(NamedTuple):
    """A record with the group that it is of, by dimension and period, and the parts that it was made of."""

    group: dict[str, str]
    record: Struct
    parts: Sequence[Part]


class Found(NamedTuple):
    """What a metric came to: its figures, and the parts that count in none."""

    figures: list[Figure]
    left_out: list[Part]


def found(metric: Metric, inquiry: Inquiry) -> Found:
    """The answer to a question, which `metric` has checked."""
    whole = Found([], [])
    for period, question in cut(metric, inquiry):
        asked = inquiry._replace(question=question)
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
            names = {name: values[name] for name in inquiry.question.by}
            measures = {key: [part.measures for part in parts] for key, parts in by_key.items()}
            whole.figures.extend(
                Figure(names, record, by_key.get(key, ())) for key, record in metric.records(asked, measures)
            )
    return whole


def cut(metric: Metric, inquiry: Inquiry) -> Iterator[tuple[dict[str, str], Question]]:
    """The question once for each period that is grouped by: over it, or at its end where it is one of a moment."""
    question = inquiry.question
    unit = next((name for name in question.by if name in PERIODS), None)
    if unit is None or question.since is None or question.until is None:
        yield {}, question
        return
    for label, since, until in inquiry.references.calendar.periods(unit, question.since, question.until):
        if metric.period:
            yield {unit: label}, replace(question, since=since, until=until)
        else:
            moment = min(question.effective_at, (END if until is None else until) - 1)
            yield {unit: label}, replace(question, since=None, until=None, effective_at=moment)


__all__ = ["Figure", "Found", "Inquiry", "Key", "Metric", "Origin", "Part", "Period", "found"]
