"""Time in stage: how long deals stay in a stage, those that are still there counted as far as they got."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from projections.deals import group, grouping, newest, origin_columns, standing, status_is, within
from projections.metric import Inquiry, Key, Origin, Part
from projections.opportunities import TABLE
from projections.stages import in_process_order, name_of, place
from projections.stays import DAY, moved, still_there
from projections.survival import median_duration

MODES = ("latest", "cumulative")
MOST_DAYS = 2**27  # more than 64 bits of microseconds have


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
    median_days: int | None
    closed_median_days: float | None
    mean_days: float | None


class Lasted(NamedTuple):
    """Stays of so many whole days, and how many of them ended then; the others go on."""

    days: int
    visits: int
    left: int


def time_in_stage(asked: Inquiry) -> Iterator[Part]:
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
    latest = asked.question.mode == "latest"
    stays = spans(asked)
    keys = [column for name, column in stays.c.items() if name not in ("deal", "number", "lasted", "over")]
    # how long the last one took and whether it is over travel with its number
    last = func.max((stays.c.number * MOST_DAYS + stays.c.lasted // DAY) * 2 + stays.c.over)
    together = cast(func.sum(stays.c.lasted), BigInteger) // DAY, func.min(stays.c.over)
    days, over = (last // 2 % MOST_DAYS, last % 2) if latest else together
    each = select(*keys, days.label("days"), over.label("over")).group_by(*keys, stays.c.deal).subquery()
    teams, own = asked.references.team_at(asked.question.effective_at), len(asked.dimensions)
    chosen = [] if asked.question.stage is None else [each.c.stage == asked.question.stage]
    for row in asked.select(select(*each.c, func.count()).where(*chosen).group_by(*each.c)):
        process, stage, took, left, count = row[-5:]
        origin = Origin(*row[own : own + 3]) if asked.apart else None
        lasted = Lasted(took, count, count * left)
        yield Part(group(asked, row[:own], teams), (process, stage), lasted, count, origin)


def spans(asked: Inquiry) -> Subquery:
    """The stays begun in the period: the question's dimensions and, with rows apart, the origin, then
    (process, stage, deal, number in the deal's life, microseconds lasted, 1 or 0 for whether it is over).
    """
    o, then, question = TABLE.c, TABLE.alias("then_stood"), asked.question
    about = [*grouping(asked, then), *(origin_columns(then) if asked.apart else ())]
    labelled = [column.label(f"about_{number}") for number, column in enumerate(about)]

    def stay(*columns: ColumnElement[Any]) -> Select[Any]:
        names = "process", "stage", "deal", "number", "lasted", "over"
        return select(*labelled, *(column.label(name) for name, column in zip(names, columns, strict=True)))

    over = stay(o.was_process, o.was_stage, o.stream, o.visit, o.effective_from - o.was_from, literal_column("1"))
    until, t = cast(literal(newest(asked)), BigInteger), then.c
    going_on = stay(t.process, t.stage, t.stream, t.visit + 1, until - t.visit_from, literal_column("0"))
    return union_all(
        still_there(over, asked, then, needed=bool(about)).where(*moved(question), *within(o.was_from, question)),
        going_on.where(standing(then, asked), status_is(then, "open"), *within(t.visit_from, question)),
    ).subquery()


def records(asked: Inquiry, measures: Mapping[Key, Sequence[Lasted]]) -> Iterator[tuple[Key, TimeRow]]:
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
