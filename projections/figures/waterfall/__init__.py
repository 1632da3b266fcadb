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
from projections.figures.waterfall.steps import Moment, Span, Taken, corrections, facts, revelations, states
from projections.figures.waterfall.stretches import stretches
from projections.query.metric import Key, Metric, Part, Period, Query
from projections.query.open_deals import open_sums
from projections.query.question import Question
from projections.query.references import references
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
    won, lost, reopened, transferred in and out (to another owner, team, pipeline or product, or shared otherwise; an
    owner who changes teams takes their deals along; to another currency, where none is converted to), merged or
    deleted, restored (unmerged too), revalued (another rate begins to count). Won is gross, as in bookings: what is
    taken back comes in again as reopened. Mode net compares the first and the last state of each deal as one step.
    A step may fill several buckets, in this order: revalued, transferred, pulled in or pushed out, increased or
    decreased; then what leaves does, with the amount that it has by then. So a win at a higher amount increases, and
    the amount won leaves. What becomes open enters as it then is. Opening + all the buckets = closing, to the minor
    unit, and none of them is computed from the others.
    A deal that several share counts for each with their part.
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
    scope, spans = Scope(asked, business_time(asked)), spans_of(asked)
    if question.known_before is not None:
        for span in spans:
            before = asked.at(span.first)
            yield from restated(before, question.known_before, span.period)
            yield from balance(as_known(before, question.known_before), [(span.first, span.period, OPENING)])
    if question.mode == "net":
        for span in spans:
            moments = Moment(question.known_at, span.first), Moment(question.known_at, span.last)
            net = states(asked, scope, *moments, span[1:], every=is_judged(scope), period=span.period)
            yield from poured(scope, net)
    else:
        yield from poured(scope, facts(asked, scope, spans))
        yield from poured(scope, stretches(asked, scope, "effective", spans))
    ends = [(span.last, span.period, CLOSING) for span in spans]
    if question.known_before is None:
        ends += ((span.first, span.period, OPENING) for span in spans)
    yield from balance(asked, ends)


def spans_of(asked: Query) -> list[Span]:
    """The periods that have begun: each from the instant before it to its last one, or the moment."""
    last = asked.moments
    return [
        Span(number, min(period.since - 1, last[number]), last[number])
        for number, period in enumerate(asked.periods[: len(last)])
        if period.since is not None
    ]


def through_knowledge(asked: Query) -> Iterator[Part]:
    """The waterfall on the other axis: of one instant, from one position to another."""
    question = asked.question
    first, last, moment = question.known_before or 0, question.known_at, question.effective_at
    scope = Scope(asked, knowledge(asked))
    yield from balance(as_known(asked, first), [(asked.moment, 0, OPENING)])
    if question.mode == "net":
        moments = Moment(first, moment), Moment(last, moment)
        yield from poured(scope, states(asked, scope, *moments, (first, last), every=is_judged(scope)))
    else:
        corrected = corrections(asked, first, last)

        def into(taken: Taken) -> Iterator[Filled]:
            if taken.position in corrected:
                return whole(scope.held, taken.step, CORRECTED)
            return filled(scope.held, taken.step)

        yield from poured(scope, revelations(asked, scope, first, last, moment), into)
        yield from poured(scope, stretches(asked, scope, "known", [Span(0, first, last)]))
    yield from balance(asked, [(asked.moment, 0, CLOSING)])


def restated(asked: Query, known_before: int, period: int) -> Iterator[Part]:
    """What has become known since a position of the deals as they stood at the moment, in one bucket."""
    question = asked.question
    scope = Scope(asked, knowledge(asked))
    moments = Moment(known_before, question.effective_at), Moment(question.known_at, question.effective_at)
    axis = known_before, question.known_at
    taken = states(asked, scope, *moments, axis, every=is_judged(scope), period=period)
    return poured(scope, taken, lambda each: whole(scope.held, each.step, RESTATED))


def as_known(asked: Query, known_at: int) -> Query:
    """The question as known at another position."""
    question = replace(asked.question, known_at=known_at, effective_at=asked.moment)
    if known_at == asked.question.known_at:
        return asked._replace(question=question)
    return asked._replace(question=question, references=references(question, asked.select))


def is_judged(scope: Scope) -> bool:
    """Whether a deal's worth may change without a fact of its own."""
    return scope.teamed or scope.question.convert_to is not None


def balance(asked: Query, ends: Sequence[tuple[int, int, str]]) -> Iterator[Part]:
    """What is open at ends of periods, as (moment, period, bucket); what has no rate is told when it comes in."""
    moments = sorted({moment for moment, *_ in ends})
    at_ends = asked._replace(periods=[Period("", None, moment + 1) for moment in moments])
    for each in open_sums(at_ends):
        flow = Flow(each.deals, each.amount or 0)
        for moment, period, bucket in ends:
            if moment == moments[each.period] and not (each.left_out and bucket == CLOSING):
                key = each.currency, bucket
                yield Part(each.group, key, flow, each.deals, each.origin, each.left_out, each.currency, period)


def poured(
    scope: Scope, steps: Iterable[Taken], into: Callable[[Taken], Iterable[Filled]] | None = None
) -> Iterator[Part]:
    """Steps as what they add to the buckets; those that no rate is known for are left out by name."""
    into = into or (lambda taken: filled(scope.held, taken.step))
    home = scope.question.convert_to
    for taken in steps:
        for bucket, place, deals, units in into(taken):
            key, flow = (place[1], bucket), Flow(deals, units)
            yield Part(scope.group(place), key, flow, deals, taken.origin, currency=place[1], period=taken.period)
        if home not in (None, taken.step.after.currency) and unpriced(scope.held, taken.step):
            yield left_out(scope, taken)


def left_out(scope: Scope, taken: Taken) -> Part:
    """A step to what no rate is known for."""
    into, after = scope.question.convert_to or "", taken.step.after
    reason = f"no rate from {after.currency} to {into} on {scope.axis.priced(after.at)[1]}"
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


METRICS = (Metric("waterfall", 2, waterfall, records, PROJECTION, MODES, "needed", compares=True, closes=True,
                  at_once=True, none=Flow(0, 0)),)  # fmt: skip
