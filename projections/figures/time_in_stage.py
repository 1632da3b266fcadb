"""Time in stage: how long deals stay in a stage, those that are still there counted as far as they got."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from projections.figures.durations import durations
from projections.figures.survival import median_duration
from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import group
from projections.query.stages import in_process_order, name_of, place
from projections.query.units import Days, WholeDays
from projections.rows.opportunities import PROJECTION

MODES = ("latest", "cumulative")


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
    median_days: WholeDays | None
    closed_median_days: Days | None
    mean_days: Days | None


class Lasted(NamedTuple):
    """Stays of so many whole days, and how many of them ended then; the others go on."""

    days: int
    visits: int
    left: int


def time_in_stage(asked: Query) -> Iterator[Part]:
    """How long the stays in each open stage last that began in the period.

    A stay lasts until the deal goes to another stage or process, or is won or lost; another version of the process does
    not end it, nor does being merged or deleted for a while. One not over by effective_at is censored there; where the
    latest is asked for, at the last instant at which anything is known to have happened to a deal.
    - latest: a deal's latest stay in the stage.
    - cumulative: all its stays in the stage added up, censored while it is there.
    Of one stage alone where one is asked for.
    median_days: by Kaplan and Meier, so stays that go on are not mistaken for short ones; beside it the plain median
    and mean of the stays that are over, which are biased low. Filters judge a deal as it stood at the moment; one that
    is merged or deleted is left out.
    Unit: days, whole days elapsed for each stay; null where not half of the stays (or none) ended.
    Source: the visits of the opportunities begun by effective_at as known at known_at.
    """
    teams, own = asked.references.team_at(asked.question.effective_at), len(asked.dimensions)
    for (*about, process, stage, days, left), count in durations(asked).items():
        lasted, of = Lasted(days, count, count * left), group(asked, about[:own], teams)
        yield Part(of, (process, stage), lasted, count, Origin(*about[own:]) if asked.apart else None)


def records(asked: Query, measures: Mapping[Key, Sequence[Lasted]]) -> Iterator[tuple[Key, TimeRow]]:
    """A row a stage that somebody came into, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: place(order, *key)):
        ended, lasted = Counter[int](), list[tuple[int, bool, int]]()
        for days, visits, left in measures[key]:
            ended[days] += left
            lasted += [(days, True, left), (days, False, visits - left)]
        visits, left = sum(each.visits for each in measures[key]), ended.total()
        process, stage = key
        mean = sum(days * count for days, count in ended.items()) / left if left else None
        name, middle = name_of(order, process, stage), median_duration(lasted)
        yield key, TimeRow(process, stage, name, visits, left, middle, plain_median(ended), mean)


def plain_median(counts: Counter[int]) -> float | None:
    """The middle of so many whole numbers, or between the two of them; None of none."""
    total, middle = counts.total(), list[int]()
    below = 0
    for value, count in sorted(counts.items()):
        middle += [value for rank in ((total - 1) // 2, total // 2) if below <= rank < below + count]
        below += count
    return sum(middle) / 2 if middle else None


METRICS = (Metric("time-in-stage", 1, time_in_stage, records, PROJECTION, MODES, "taken", stage=True),)
