"""The waterfall: what the open pipeline was worth, what made it more or less, and what it came to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain.money import from_minor_units
from projections.figures.waterfall.flows import (
    CLOSING,
    CORRECTED,
    FLOWS,
    OPENING,
    RESTATED,
    Filled,
    filled,
    unpriced,
    whole,
)
from projections.figures.waterfall.scopes import Scope, business_time, knowledge
from projections.figures.waterfall.steps import Moment, Taken, corrections, facts, revelations, states
from projections.figures.waterfall.stretches import stretches
from projections.query.metric import Key, Metric, Part, Query
from projections.query.question import Question
from projections.query.references import references
from projections.query.selection import day_text, open_sums
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION

MODES = ("path", "net")


class WaterfallRow(Struct, frozen=True):
    """A bucket of one currency: how many deals entered, left or changed in it, and by how much; less is negative.

    deals: one that changed twice counts twice. In opening and closing: how many are open, and what they are worth.
    """

    currency: str
    bucket: str
    deals: int
    amount: Amount


class Flow(NamedTuple):
    """Deals, and minor units."""

    deals: int
    amount: int


def waterfall(asked: Query) -> Iterator[Part]:
    """The value of the open deals before a period, every change of it in its bucket, and the value at the end.

    Opening: as things stood just before the period. Closing: as they stood at its last instant, or at the moment asked
    for where that is earlier. Between them, in mode path, every fact of the period in the buckets that it fills:
    created, increased, decreased, pulled in and pushed out (the close date moved into or out of the days asked for),
    won, lost, reopened, transferred in and out (to another owner, team or pipeline; an owner who changes teams takes
    their deals along; to another currency, where none is converted to), merged or deleted, restored (unmerged too),
    revalued (another rate begins to count). Mode net compares the first and the last state of each deal as one step.
    A step may fill several buckets, in this order: revalued, transferred, pulled in or pushed out, increased or
    decreased; then what leaves does, with the amount that it has by then. So a win at a higher amount increases, and
    the amount won leaves. What becomes open enters as it then is. Opening + all the buckets = closing, to the minor
    unit, and none of them is computed from the others.
    Filters say what is in scope, at every moment anew; every group of an answer is a scope of its own, and sees all of
    a step: a deal that was handed over and won is transferred into the scope of who won it, and leaves it won. A
    merged or deleted deal is worth nothing from the moment on at which it happened. Corrections stand in the place of
    what they correct.
    With an earlier position to compare with (known_before): the opening is what was known then, and restated is what
    has become known of it since. Without a period: how the value at one moment changed as facts became known from
    that position on; each fact fills the buckets of what it changed, and a correction fills corrected.
    Unit: units of the currency, exact, never two currencies in one sum; converted deal by deal, by the rate of the day
    on which it changed. A deal without a rate counts nowhere and is named.
    Source: the states of the opportunities at both moments, and what each fact changed between them.
    """
    question = asked.question
    if question.known_before is not None:  # tables that are behind know nothing of what came after
        question = replace(question, known_before=min(question.known_before, question.known_at))
        asked = asked._replace(question=question)
    if question.since is None or question.until is None:
        yield from through_knowledge(asked)
        return
    last = min(question.effective_at, question.until - 1)
    first = min(question.since - 1, last)
    now = asked._replace(question=replace(question, effective_at=last))
    scope = Scope(now, business_time(asked))
    before = at(asked, question.known_at, first)
    if question.known_before is not None:
        yield from restated(asked, question.known_before, first)
        before = at(asked, question.known_before, first)
    yield from balance(before, OPENING)
    if question.mode == "net":
        moments = Moment(question.known_at, first), Moment(question.known_at, last)
        yield from poured(scope, states(now, scope, *moments, (first, last), every=is_judged(scope)))
    else:
        yield from poured(scope, facts(now, scope, first, last))
        yield from poured(scope, stretches(now, scope, "effective", first, last))
    yield from balance(now, CLOSING)


def through_knowledge(asked: Query) -> Iterator[Part]:
    """The waterfall on the other axis: of one instant, from one position to another."""
    question = asked.question
    first, last, moment = question.known_before or 0, question.known_at, question.effective_at
    scope = Scope(asked, knowledge(asked, moment))
    yield from balance(at(asked, first, moment), OPENING)
    if question.mode == "net":
        moments = Moment(first, moment), Moment(last, moment)
        yield from poured(scope, states(asked, scope, *moments, (first, last), every=is_judged(scope)))
    else:
        corrected = corrections(asked, first, last)

        def into(taken: Taken) -> Iterator[Filled]:
            if taken.position in corrected:
                return whole(scope.worth, taken.step, CORRECTED)
            return filled(scope.worth, taken.step)

        yield from poured(scope, revelations(asked, scope, first, last, moment), into)
        yield from poured(scope, stretches(asked, scope, "known", first, last))
    yield from balance(asked, CLOSING)


def restated(asked: Query, known_before: int, moment: int) -> Iterator[Part]:
    """What has become known since a position of the deals as they stood at an instant, in one bucket."""
    question = asked.question
    then = asked._replace(question=replace(question, effective_at=moment))
    scope = Scope(then, knowledge(asked, moment))
    moments = Moment(known_before, moment), Moment(question.known_at, moment)
    taken = states(then, scope, *moments, (known_before, question.known_at), every=is_judged(scope))
    return poured(scope, taken, lambda each: whole(scope.worth, each.step, RESTATED))


def at(asked: Query, known_at: int, effective_at: int) -> Query:
    """The question at another moment."""
    question = replace(asked.question, known_at=known_at, effective_at=effective_at)
    if known_at == asked.question.known_at:
        return asked._replace(question=question)
    return asked._replace(question=question, references=references(question, asked.select))


def is_judged(scope: Scope) -> bool:
    """Whether a deal's worth may change without a fact of its own."""
    return scope.teamed or scope.question.convert_to is not None


def balance(asked: Query, bucket: str) -> Iterator[Part]:
    """What is open at the question's moment; what has no rate then is told once, when it comes in."""
    for each in open_sums(asked):
        if each.left_out and bucket == CLOSING:
            continue
        flow = Flow(each.deals, each.amount or 0)
        yield Part(each.group, (each.currency, bucket), flow, each.deals, each.origin, each.left_out, each.currency)


def poured(
    scope: Scope, steps: Iterable[Taken], into: Callable[[Taken], Iterable[Filled]] | None = None
) -> Iterator[Part]:
    """Steps as what they add to the buckets; those that no rate is known for are left out by name."""
    into = into or (lambda taken: filled(scope.worth, taken.step))
    for taken in steps:
        for bucket, place, currency, deals, units in into(taken):
            group = scope.group(place, currency)
            yield Part(group, (currency, bucket), Flow(deals, units), deals, taken.origin, currency=currency)
        if unpriced(scope.worth, taken.step):
            yield left_out(scope, taken)


def left_out(scope: Scope, taken: Taken) -> Part:
    """A step to what no rate is known for."""
    into, after = scope.question.convert_to or "", taken.step.after
    reason = f"no rate from {after.currency} to {into}{day_text(scope.axis.priced(after.at)[1])}"
    return Part((), (into, ""), Flow(0, 0), taken.step.deals, taken.origin, reason, into)


def records(asked: Query, measures: Mapping[Key, Sequence[Flow]]) -> Iterator[tuple[Key, WaterfallRow]]:
    """A currency's buckets, in their order and all of them, also those that nothing fell into."""
    for currency in sorted({currency for currency, _ in measures}):
        for bucket in buckets(asked.question):
            key = currency, bucket
            deals, amount = (sum(each) for each in zip(Flow(0, 0), *measures.get(key, ()), strict=True))
            yield key, WaterfallRow(currency, bucket, deals, from_minor_units(amount, currency))


def buckets(question: Question) -> tuple[str, ...]:
    """The buckets of an answer, in their order."""
    compared = question.since is not None and question.known_before is not None
    return (OPENING, *([RESTATED] if compared else ()), *FLOWS, CLOSING)


METRICS = (Metric("waterfall", 1, waterfall, records, PROJECTION, MODES, "needed", compares=True, closes=True),)
