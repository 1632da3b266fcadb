"""Time in stage: how long deals stay in a stage, those that are still there counted as far as they got."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from projections.figures.durations import NUMBER, OF, OVER, PERIOD, PROCESS, STREAM, TOOK, Stay, stays
from projections.figures.survival import median_duration
from projections.query.attribution import Group
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.stages import in_process_order, name_of, place
from projections.query.units import Days
from projections.rows.opportunities import PROJECTION
from projections.versions import DAY, MINUTE

MODES = LATEST, CUMULATIVE = "latest", "cumulative"


class TimeRow(Struct, frozen=True):
    """The stays in a stage, how many of them ended, and how many days they took.

    median_days counts those that go on as far as they got, and is None where fewer than half have ended;
    closed_median_days and mean_days are of those that ended alone, which is biased low, and None where none did.
    """

    process: str
    stage: str
    name: str
    visits: int
    left: int
    median_days: Days | None
    closed_median_days: Days | None
    mean_days: Days | None


class Lasted(NamedTuple):
    """Stays, and how many of them ended; how long these took, and how long the others go on, in microseconds."""

    visits: int = 0
    left: int = 0
    ended: Sequence[int] = ()
    going_on: Sequence[int] = ()

    def explained(self) -> dict[str, Any]:
        """With the days of one stay."""
        return {"visits": self.visits, "left": self.left, "days": sum((*self.ended, *self.going_on)) / DAY}


def time_in_stage(asked: Query) -> Iterator[Part]:
    """How long the stays in each open stage last that began in the period.

    A stay lasts until the deal goes to another stage or process, or is won or lost; another version of the process does
    not end it, nor does being merged or deleted for a while. One not over by effective_at is censored there. Of one
    stage alone where one is asked for. median_days: by Kaplan and Meier, on whole minutes, so stays that go on are not
    mistaken for short ones; beside it the plain median and mean of the stays that are over, which are biased low. One
    that is merged or deleted is left out. A stay counts for whom the deal belonged to when it began; all of a deal
    together for whom its first one did.
    - latest: a deal's latest stay in the stage, of those that began in the period.
    - cumulative: all its stays in the stage added up, censored while it is there.
    Unit: days, exact; null where not half of the stays (or none) ended.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    whose, every = stays(asked)
    until, everybody = OF + len(whose.columns), ((), None)
    found: dict[tuple[Group, Key], tuple[list[int], list[int]]] = {}
    for took, over, stay in by_deal(every, asked.question.mode == LATEST):
        place = tuple(stay[PROCESS:NUMBER])
        for group, _ in whose.divided(stay[OF:until]) if whose.needed else (everybody,):
            if asked.apart:
                of = Lasted(1, int(over), (took,) if over else (), () if over else (took,))
                yield Part(group, place[:2], of, 1, Origin(*stay[until:]), period=stay[PERIOD])
            elif (lasted := found.get((group, place))) is None:
                found[group, place] = ([took], []) if over else ([], [took])
            else:
                lasted[not over].append(took)
    for (group, (*key, period)), (ended, going_on) in found.items():
        stayed = len(ended) + len(going_on)
        yield Part(group, tuple(key), Lasted(stayed, len(ended), ended, going_on), stayed, period=period)


def by_deal(every: Iterable[Stay], latest: bool) -> Iterator[tuple[int, bool, Stay]]:
    """(microseconds, whether it is over, the stay that says to whom it counts) of each deal in each stage and period.

    Of its latest stay there, or of all of them together, which count for whom the first did.
    """
    first: dict[Sequence[Any], Stay] = {}
    more: dict[Sequence[Any], list[Stay]] = {}
    for stay in every:
        place = stay[STREAM:NUMBER]
        if first.setdefault(place, stay) is not stay:
            more.setdefault(place, [first[place]]).append(stay)
    for place, stay in first.items():
        if (of := more.get(place)) is None:
            yield stay[TOOK], stay[OVER], stay
            continue
        of.sort(key=itemgetter(NUMBER))
        last = of[-1]
        took = last[TOOK] if latest else sum(each[TOOK] for each in of)
        yield took, last[OVER], last if latest else of[0]


def together(each: Sequence[Lasted]) -> Lasted:
    """Several as one."""
    ended = [*chain.from_iterable(of.ended for of in each)]
    going_on = [*chain.from_iterable(of.going_on for of in each)]
    return Lasted(len(ended) + len(going_on), len(ended), ended, going_on)


def records(asked: Query, measures: Mapping[Key, Sequence[Lasted]]) -> Iterator[tuple[Key, TimeRow]]:
    """A row a stage that somebody came into, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: place(order, *key)):
        (process, stage), of = key, together(measures[key])
        yield key, TimeRow(
            process, stage, name_of(order, process, stage), of.visits, of.left, survival_days(of.ended, of.going_on),
            median(of.ended) / DAY if of.ended else None,
            sum(of.ended) / (len(of.ended) * DAY) if of.ended else None,
        )  # fmt: skip


def survival_days(ended: Sequence[int], going_on: Sequence[int]) -> float | None:
    """The median in days by Kaplan and Meier, on whole minutes, of durations in microseconds."""
    over, censored = (Counter(took // MINUTE for took in of) for of in (ended, going_on))
    found = median_duration(over, censored)
    return None if found is None else found * MINUTE / DAY


METRICS = (
    Metric(
        "time-in-stage", 2, time_in_stage, records, PROJECTION, MODES, "taken", stage=True, at_once=True, none=Lasted()
    ),
)
