"""What one step of a deal does to the open value of a scope: which buckets of the waterfall it fills, with how much."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

OPENING, RESTATED, CLOSING = "opening", "restated", "closing"
CREATED, INCREASED, DECREASED, PULLED_IN, PUSHED_OUT = "created", "increased", "decreased", "pulled-in", "pushed-out"
WON, LOST, REOPENED = "won", "lost", "reopened"
TRANSFERRED_IN, TRANSFERRED_OUT = "transferred-in", "transferred-out"
REMOVED, RESTORED, REVALUED, CORRECTED = "merged-or-deleted", "restored", "revalued", "corrected"
FLOWS = (
    CREATED, INCREASED, DECREASED, PULLED_IN, PUSHED_OUT, WON, LOST, REOPENED, TRANSFERRED_IN, TRANSFERRED_OUT,
    REMOVED, RESTORED, REVALUED, CORRECTED,
)  # fmt: skip
ENTERS = {"": CREATED, "won": REOPENED, "lost": REOPENED, "merged": RESTORED, "deleted": RESTORED}
LEAVES = {"won": WON, "lost": LOST, "merged": REMOVED, "deleted": REMOVED, "": CORRECTED}


class Stand(NamedTuple):
    """How a deal stood, or several that stood alike, with the sum of their amounts in minor units.

    status: empty where there is no deal. of: the values by which it is told to whom it counts, teams being those of the
    moment `of_at`. due: whether its close date lies in the range asked for. at: the moment whose rate counts. Moments
    are on the axis along which the step is made.
    """

    status: str
    of: tuple[Any, ...]
    of_at: int
    due: bool
    amount: int
    currency: str
    at: int


class Step(NamedTuple):
    """A deal before and after something; or several, of which the same is to be said.

    The amounts are those of each of `times` deals, or what all `deals` come to.
    """

    before: Stand
    after: Stand
    deals: int = 1
    times: int = 1


Place = tuple[tuple[str, ...], str]
"""Where an open deal counts: a group of the question, its currency aside, and the currency that it counts in."""
Held = Mapping[Place, int | None]
"""What an open deal counts for: minor units by place; none where there is no rate for it."""
Holding = Callable[[Stand], Held]


class Filled(NamedTuple):
    """What a step adds to a bucket: how many deals it is about, and minor units, negative where value leaves."""

    bucket: str
    place: Place
    deals: int
    units: int


Buckets = tuple[str, str, str, str]
"""Where a change goes that makes a deal worth less, or more; that takes it out of a place, or into one."""


def filled(held: Holding, step: Step) -> Iterator[Filled]:
    """The buckets that a step fills, one after the other.

    A deal that was open is first revalued (the rate of the day of this step counts, no more that of the one before);
    then handed over to another owner, team, pipeline or product, or shared otherwise (transferred); then to be closed
    on another day (pulled in, pushed out); then worth another amount (increased, decreased; in another currency that is
    not converted: transferred); and it leaves last, with the amount that it has by then. So a win at a higher amount
    increases, and what leaves is the amount won. A deal that becomes open enters as it is from then on.
    """
    before, after = step.before, step.after
    if before.status == "open":
        for then, now, buckets in changes(before, after):
            yield from difference(held(then), held(now), buckets, step)
        if after.status != "open":
            yield from moved(held(after._replace(status="open")), LEAVES[after.status], step, -1)
    elif after.status == "open":
        yield from moved(held(after), ENTERS[before.status], step, 1)


def changes(before: Stand, after: Stand) -> Iterator[tuple[Stand, Stand, Buckets]]:
    """What changes of an open deal, one thing at a time; nothing where it does not."""
    revalued = before._replace(at=after.at)
    handed_over = revalued._replace(of=after.of, of_at=after.of_at)
    put_off = handed_over._replace(due=after.due)
    agreed = put_off._replace(amount=after.amount, currency=after.currency)
    for then, now, buckets in (
        (before, revalued, (REVALUED, REVALUED, REVALUED, REVALUED)),
        (revalued, handed_over, (TRANSFERRED_OUT, TRANSFERRED_IN, TRANSFERRED_OUT, TRANSFERRED_IN)),
        (handed_over, put_off, (PUSHED_OUT, PULLED_IN, PUSHED_OUT, PULLED_IN)),
        (put_off, agreed, (DECREASED, INCREASED, TRANSFERRED_OUT, TRANSFERRED_IN)),
    ):
        if then != now:
            yield then, now, buckets


def whole(held: Holding, step: Step, bucket: str) -> Iterator[Filled]:
    """All that a step changes, in one bucket."""
    return difference(held(step.before), held(step.after), (bucket, bucket, bucket, bucket), step)


def unpriced(held: Holding, step: Step) -> bool:
    """Whether a deal would count from this step on, were there a rate for it; one that did not before was told then."""
    then, now = held(step.before).values(), held(step.after).values()
    return None in now and (not then or None not in then)


def difference(was: Held, is_now: Held, buckets: Buckets, step: Step) -> Iterator[Filled]:
    """A change of worth within each place, or value out of one and into another."""
    less, more, out, into = buckets
    for place in dict.fromkeys((*was, *is_now)):
        before, after = was.get(place), is_now.get(place)
        if before is not None and after is not None:
            if change := after - before:
                yield Filled(more if change > 0 else less, place, step.deals, change * step.times)
        elif before is not None:
            yield Filled(out, place, step.deals, -before * step.times)
        elif after is not None:
            yield Filled(into, place, step.deals, after * step.times)


def moved(held: Held, bucket: str, step: Step, sign: int) -> Iterator[Filled]:
    """Value into places, or out of them."""
    for place, units in held.items():
        if units is not None:
            yield Filled(bucket, place, step.deals, sign * units * step.times)
