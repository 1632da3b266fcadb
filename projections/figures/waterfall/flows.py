"""What one step of a deal does to the open value of a scope: which buckets of the waterfall it fills, with how much."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

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


class Place(NamedTuple):
    """Where an open deal counts: a group of the question, its currency aside. None stands for out of every scope."""

    group: tuple[str, ...]


class Stand(NamedTuple):
    """How a deal stood, or several that stood alike, with the sum of their amounts in minor units.

    status: empty where there is no deal. due: whether its close date lies in the range asked for. at: the moment whose
    rate counts, on the axis along which the step is made.
    """

    status: str
    place: Place | None
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


class Held(NamedTuple):
    """What an open deal counts for: minor units of a currency in a place; no units where there is no rate for it."""

    place: Place
    currency: str
    units: int | None


class Filled(NamedTuple):
    """What a step adds to a bucket: how many deals it is about, and minor units, negative where value leaves."""

    bucket: str
    place: Place
    currency: str
    deals: int
    units: int


Worth = Callable[[int, str, int], tuple[str, int | None] | None]
"""(amount, its currency, moment) to the currency and the minor units that count; None where that currency is not asked
for, no units where there is no rate."""
Buckets = tuple[str, str, str, str]
"""Where a change goes that makes a deal worth less, or more; that takes it out of a place, or into one."""


def filled(worth: Worth, step: Step) -> Iterator[Filled]:
    """The buckets that a step fills, one after the other.

    A deal that was open is first revalued (the rate of the day of this step counts, no more that of the one before);
    then handed over to another owner, team or pipeline (transferred); then to be closed on another day (pulled in,
    pushed out); then worth another amount (increased, decreased; in another currency that is not converted:
    transferred); and it leaves last, with the amount that it has by then. So a win at a higher amount increases, and
    what leaves is the amount won. A deal that becomes open enters as it is from then on.
    """
    before, after = step.before, step.after
    if before.status == "open":
        for then, now, buckets in changes(before, after):
            yield from difference(worth, then, now, buckets, step)
        if after.status != "open":
            yield from moved(held(worth, after._replace(status="open")), LEAVES[after.status], step, -1)
    elif after.status == "open":
        yield from moved(held(worth, after), ENTERS[before.status], step, 1)


def changes(before: Stand, after: Stand) -> Iterator[tuple[Stand, Stand, Buckets]]:
    """What changes of an open deal, one thing at a time."""
    revalued = before._replace(at=after.at)
    yield before, revalued, (REVALUED, REVALUED, REVALUED, REVALUED)
    handed_over = revalued._replace(place=after.place)
    yield revalued, handed_over, (TRANSFERRED_OUT, TRANSFERRED_IN, TRANSFERRED_OUT, TRANSFERRED_IN)
    put_off = handed_over._replace(due=after.due)
    yield handed_over, put_off, (PUSHED_OUT, PULLED_IN, PUSHED_OUT, PULLED_IN)
    agreed = put_off._replace(amount=after.amount, currency=after.currency)
    yield put_off, agreed, (DECREASED, INCREASED, TRANSFERRED_OUT, TRANSFERRED_IN)


def whole(worth: Worth, step: Step, bucket: str) -> Iterator[Filled]:
    """All that a step changes, in one bucket."""
    return difference(worth, step.before, step.after, (bucket, bucket, bucket, bucket), step)


def unpriced(worth: Worth, step: Step) -> bool:
    """Whether a deal would count from this step on, were there a rate for it; one that did not before was told then."""
    then, now = held(worth, step.before), held(worth, step.after)
    return now is not None and now.units is None and (then is None or then.units is not None)


def held(worth: Worth, stand: Stand) -> Held | None:
    """What a deal counts for, None where it does not count."""
    if stand.status != "open" or stand.place is None or not stand.due:
        return None
    found = worth(stand.amount, stand.currency, stand.at)
    return found and Held(stand.place, *found)


def difference(worth: Worth, then: Stand, now: Stand, buckets: Buckets, step: Step) -> Iterator[Filled]:
    """A change of worth within a place and a currency, or value out of one and into another."""
    less, more, out, into = buckets
    was, is_now = held(worth, then), held(worth, now)
    if was and is_now and was.units is not None and is_now.units is not None and was[:2] == is_now[:2]:
        if change := is_now.units - was.units:
            bucket = more if change > 0 else less
            yield Filled(bucket, was.place, was.currency, step.deals, change * step.times)
    else:
        yield from moved(was, out, step, -1)
        yield from moved(is_now, into, step, 1)


def moved(of: Held | None, bucket: str, step: Step, sign: int) -> Iterator[Filled]:
    """Value into a place, or out of it."""
    if of and of.units is not None:
        yield Filled(bucket, of.place, of.currency, step.deals, sign * of.units * step.times)
