"""The waterfall balances to the minor unit, whatever the history, the scope, the axis and the moments."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.money import from_minor_units, minor_units
from domain.opportunity.judgement import SplitsChanged
from domain.recorded import Fact
from domain.reference.calendar import CalendarSet
from domain.reference.rate import FxRateSet
from domain.reference.team import TeamChanged
from infra.views import Views
from projections.query.question import DIMENSIONS, Question
from projections.versions import END
from tests.projections.conftest import Over
from tests.projections.histories import (
    CURRENCIES,
    CURRENCY,
    OWNERS,
    POSITIONS,
    PROCESSES,
    PRODUCTS,
    SOURCES,
    histories,
)
from tests.projections.histories import REFERENCES as ALL_REFERENCES
from tests.projections.pasts import past
from tests.projections.test_moments import often
from tests.projections.test_recomputation import raw
from tests.recompute import World, recomputed

DAY = 86_400_000_000
EPOCH = date(1970, 1, 1)
TEAMS, RATES, CALENDAR = ("team-n", "team-s"), "rate-r", "calendar-organisation"
BESIDE = ALL_REFERENCES  # those of a history are left out for those that are made here
MEMBERS = st.sampled_from([("ann",), ("bob",), ("ann", "bob"), ()])
REFERENCES: dict[str, st.SearchStrategy[Any]] = {
    "team": st.builds(TeamChanged, st.just("Team"), st.just(""), MEMBERS),
    "rate": st.builds(
        FxRateSet,
        st.sampled_from(CURRENCIES),
        st.sampled_from(["EUR", "USD"]),
        st.integers(-1, 6).map(lambda days: EPOCH + timedelta(days=days)),
        st.sampled_from(["0.5", "1.1", "7", "0.0333"]).map(Decimal),
    ),
    "calendar": st.builds(CalendarSet, st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles"]), st.just(1)),
}


@st.composite
def judged_histories(draw: st.DrawFn) -> list[Fact]:
    """Deals, an instant being a day, between whose facts teams change, rates are set and the calendar moves."""
    log = [fact._replace(occurred_at=fact.occurred_at * DAY) for fact in draw(histories()) if fact.stream not in BESIDE]
    versions: dict[str, int] = defaultdict(int)
    positions = sorted(draw(st.sets(st.integers(0, log[-1].position // 2), max_size=8)))
    for turn, position in enumerate(positions):
        stream = draw(st.sampled_from([*TEAMS, *TEAMS, RATES, RATES, RATES, CALENDAR]))
        versions[stream] += 1
        happened = draw(REFERENCES[stream.partition("-")[0]])
        when = draw(st.integers(0, 6)) * DAY if stream in TEAMS else turn
        log.append(Fact(2 * position, stream, versions[stream], happened.__struct_config__.tag, when, happened))
    return sorted((fact for fact in log if fact.position), key=lambda fact: fact.position)


MAYBE_DAY = st.none() | st.none() | st.sampled_from(["2024-02-28", "2024-02-29", "2024-03-01"])
SCOPES = st.builds(
    Question,
    pipeline=st.none() | st.none() | st.sampled_from(PROCESSES),
    owner=st.none() | st.none() | OWNERS,
    team=st.none() | st.none() | st.sampled_from(TEAMS),
    product=st.none() | st.none() | PRODUCTS,
    source=st.none() | st.none() | SOURCES,
    currency=st.none() | st.none() | CURRENCY,
    closes_since=MAYBE_DAY,
    closes_until=MAYBE_DAY,
    convert_to=st.none() | st.sampled_from(["EUR", "USD"]),
    by=st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True).map(tuple),
    mode=st.sampled_from(["path", "net"]),
).filter(lambda q: None in (q.closes_since, q.closes_until) or q.closes_since <= q.closes_until)
INSTANTS = st.integers(-1, 8).map(lambda days: days * DAY)
TWO_INSTANTS = st.tuples(INSTANTS, INSTANTS).map(sorted)
TWO_POSITIONS = st.tuples(POSITIONS, POSITIONS | st.just(END)).map(sorted)
GAINS = ("created", "pulled-in", "reopened", "transferred-in", "restored")
LOSSES = ("pushed-out", "won", "lost", "transferred-out", "merged-or-deleted")

Answered = dict[tuple[Any, ...], dict[str, tuple[int, Decimal]]]


def answered(views: Views, question: Question) -> Answered:
    """(group, currency) to the deals and the amount of each bucket."""
    answer = views.ask("waterfall", question)
    found: Answered = {}
    for group, row in zip(answer.groups, answer.records, strict=True):
        found.setdefault((*group.items(), row.currency), {})[row.bucket] = row.deals, row.amount
    return found


def balances(found: Answered, *, counts: bool) -> bool:
    """Whether opening and flows come to closing, in amount and, where nothing is converted, in deals."""
    for by in found.values():
        _, (first, *flows, last) = list(by), [amount for _, amount in by.values()]
        if first + sum(flows) != last:
            return False
        deals = {bucket: deals for bucket, (deals, _) in by.items()}
        entered = sum(deals[bucket] for bucket in GAINS) - sum(deals[bucket] for bucket in LOSSES)
        if counts and deals["opening"] + entered != deals["closing"]:
            return False
    return True


def worth(facts: list[Fact], question: Question) -> dict[tuple[Any, ...], Decimal]:
    """(group, currency) to what is open, by the recomputation of the board."""
    world = World([raw(fact) for fact in facts], question.known_at)
    board = replace(question, since=None, until=None, known_before=None, mode="", attribute="then")
    found: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for group, record in recomputed("board", world, board).records:
        currency, amount = record[3], record[5]
        found[(*group.items(), currency)] += amount
    return dict(found)


def newest(facts: list[Fact], known_at: int) -> int:
    """When the newest known of all happened."""
    return World([raw(fact) for fact in facts], known_at).now()


def ends(found: Answered, bucket: str) -> dict[tuple[Any, ...], Decimal]:
    """The amounts of one bucket, where there are any."""
    return {key: by[bucket][1] for key, by in found.items() if by[bucket][1]}


def some(amounts: dict[tuple[Any, ...], Decimal]) -> dict[tuple[Any, ...], Decimal]:
    return {key: amount for key, amount in amounts.items() if amount}


@often
@given(facts=judged_histories(), scope=SCOPES, known=TWO_POSITIONS, instants=TWO_INSTANTS, compared=st.booleans())
def test_it_balances_from_one_instant_to_another(
    over: Over, facts: list[Fact], scope: Question, known: list[int], instants: list[int], compared: bool
):
    views = over(facts)
    views.catch_up()
    (before, now), (first, last) = known, instants
    period = {"since": first + 1, "until": last + 2, "effective_at": last + 1}
    asked = replace(scope, known_at=now, known_before=before if compared else None, **period)
    found = answered(views, asked)
    opening = replace(scope, known_at=before if compared else now, effective_at=first)
    assert balances(found, counts=scope.convert_to is None and not compared)
    assert ends(found, "opening") == some(worth(facts, opening))
    assert ends(found, "closing") == some(worth(facts, replace(scope, known_at=now, effective_at=last + 1)))
    if compared:
        restated = defaultdict(Decimal, worth(facts, replace(opening, known_at=now)))
        for key, amount in worth(facts, opening).items():
            restated[key] -= amount
        assert ends(found, "restated") == some(restated)


@often
@given(facts=judged_histories(), scope=SCOPES, known=TWO_POSITIONS, effective_at=INSTANTS | st.just(END))
def test_it_balances_from_one_position_to_another(
    over: Over, facts: list[Fact], scope: Question, known: list[int], effective_at: int
):
    views = over(facts)
    views.catch_up()
    asked = replace(scope, known_before=known[0], known_at=known[1], effective_at=effective_at)
    found = answered(views, asked)
    if effective_at == END:
        asked = replace(asked, effective_at=newest(facts, known[1]))
    assert balances(found, counts=False)
    assert ends(found, "opening") == some(worth(facts, replace(asked, known_at=known[0])))
    assert ends(found, "closing") == some(worth(facts, asked))


@often
@given(facts=judged_histories(), scope=SCOPES, known_at=POSITIONS | st.just(END), instants=TWO_INSTANTS)
def test_the_rows_behind_each_bucket_add_up_to_it(
    over: Over, facts: list[Fact], scope: Question, known_at: int, instants: list[int]
):
    views = over(facts)
    views.catch_up()
    for asked in (
        replace(scope, known_at=known_at, since=instants[0], until=instants[1] + 1, known_before=min(known_at, 9)),
        replace(scope, known_at=known_at, effective_at=instants[0], known_before=min(known_at, 9)),
    ):
        explained = views.explain("waterfall", asked)
        answer = views.ask("waterfall", asked)
        assert [record for _, record, _ in explained.figures] == answer.records
        for _, record, behind in explained.figures:
            assert sum((row.adds["amount"] for row in behind), Decimal(0)) == record.amount
            assert sum(row.adds["deals"] for row in behind) == record.deals


@often
@given(facts=judged_histories(), scope=SCOPES, known_at=POSITIONS | st.just(END), instants=TWO_INSTANTS)
def test_every_group_is_a_scope_of_its_own(
    over: Over, facts: list[Fact], scope: Question, known_at: int, instants: list[int]
):
    views = over(facts)
    views.catch_up()
    scope = replace(scope, owner=None, team=None, by=(), known_at=known_at, since=instants[0], until=instants[1] + 1)
    whole = answered(views, scope)
    for dimension, values in (("owner", ("", "ann", "bob", "cy")), ("team", ("", *TEAMS))):
        apart = answered(views, replace(scope, by=(dimension,)))
        for value in values:
            alone = answered(views, replace(scope, **{dimension: value}))
            assert {key[-1]: by for key, by in apart.items() if key[0] == (dimension, value)} == {
                key[-1]: by for key, by in alone.items()
            }
        added = ("opening", "created", "won", "lost", "reopened", "restored", "closing")
        for bucket in added if scope.mode == "path" else ("opening", "closing"):
            for key, by in whole.items():
                parts = [part[bucket] for name, part in apart.items() if name[-1] == key[-1]]
                deals, amount = map(sum, zip((0, 0), *parts, strict=True))
                assert amount == by[bucket][1]
                assert deals >= by[bucket][0]  # of a deal that is shared each has it


def whole(fact: Fact) -> Fact:
    """The fact, or that nobody shares the deal in the place of one that says who does."""
    return fact._replace(event=SplitsChanged(())) if isinstance(fact.event, SplitsChanged) else fact


def told(facts: list[Fact], question: Question) -> Iterator[tuple[str, str, int]]:
    """(currency, bucket, minor units) of the facts between two instants, by the definitions, of deals of one owner."""
    upto = replace(question, effective_at=(question.until or 0) - 1, owner=None, currency=None)
    for steps in past(facts, upto).values():
        for before, after in zip([None, *steps], steps, strict=False):
            if after.when < (question.since or 0):
                continue
            was, now = (value(step, question) for step in (before, after))
            status, earlier = after.status, before.status if before else ""
            if status == "open" and earlier != "open" and now:
                name = {"": "created", "won": "reopened", "lost": "reopened"}.get(earlier, "restored")
                yield now[1], name, now[0]
            elif earlier == "open" and status != "open":
                agreed = value(after, question, "open")
                yield from amended(was, agreed)
                if agreed:
                    name = {"won": "won", "lost": "lost"}.get(status, "merged-or-deleted")
                    yield agreed[1], name, -agreed[0]
            elif earlier == status == "open":
                yield from amended(was, now)


def value(step: Any, question: Question, status: str = "") -> tuple[int, str] | None:
    """What a deal was open for, in scope."""
    if step is None or (status or step.status) != "open" or question.owner not in (None, step.deal.terms.owner):
        return None
    return minor_units(step.deal.amount), step.deal.amount.currency


def amended(was: tuple[int, str] | None, now: tuple[int, str] | None) -> Iterator[tuple[str, str, int]]:
    """A change of owner, amount or currency of a deal that stays open."""
    if was and now and was[1] == now[1]:
        yield now[1], "increased" if now > was else "decreased", now[0] - was[0]
        return
    if was:
        yield was[1], "transferred-out", -was[0]
    if now:
        yield now[1], "transferred-in", now[0]


@often
@given(facts=judged_histories(), owner=st.none() | OWNERS, known_at=POSITIONS | st.just(END), instants=TWO_INSTANTS)
def test_every_fact_fills_the_bucket_of_what_it_changed(
    over: Over, facts: list[Fact], owner: str | None, known_at: int, instants: list[int]
):
    facts = [whole(fact) for fact in facts]
    views = over(facts)
    views.catch_up()
    moment = {"since": instants[0], "until": instants[1] + 1, "effective_at": instants[1]}
    asked = Question(owner=owner, known_at=known_at, **moment)
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for currency, bucket, units in told(facts, asked):
        expected[currency, bucket] += from_minor_units(units, currency)
    found = {
        (row.currency, row.bucket): row.amount
        for row in views.ask("waterfall", asked).records
        if row.amount and row.bucket not in ("opening", "closing")
    }
    assert found == {key: amount for key, amount in expected.items() if amount}
