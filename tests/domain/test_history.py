"""The order in which facts took effect, and what a back-dated command may do to those that came later."""

import pytest

from domain import BY_KIND, Context
from domain.decider import NewEvent
from domain.errors import Rejected
from domain.history import History, effective_order
from domain.lead import CaptureLead, LeadCaptured
from domain.lead.disposition import LeadDisqualified, LeadReopened
from domain.lead.qualification import LeadQualified
from domain.opportunity import Lost, Open, OpportunityOpened, Won
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon, WinOpportunity
from domain.opportunity.progress import ChangeStage, StageChanged
from domain.opportunity.terms import AmountChanged, ChangeAmount, ChangeOwner, OwnerChanged
from domain.recorded import Fact
from domain.reference.process import ProcessPublished
from tests.domain.pipelines import FIRST, READ, REVISED, eur
from tests.offenders import every

OPPORTUNITY = BY_KIND["opportunity"]
STREAM = "opportunity-7"
HOUR = 3_600_000_000  # microseconds

OPENED = OpportunityOpened("process-sales", 1, "demo", eur("900"), "Acme", "ann")
TO_OFFER = StageChanged("demo", "offer", 1, "forward")
TO_NEED = StageChanged("demo", "need", 1, "back")
WON = OpportunityWon(eur("900"), "Acme")
LOST = OpportunityLost("price")
REOPENED = OpportunityReopened("demo", "they came back")


def fact(version: int, hour: float, event: object, corrects: int = 0) -> Fact:
    return Fact(
        version, STREAM, version, event.__struct_config__.tag if event else "", int(hour * HOUR), event, corrects
    )


def facts(*happened: tuple[float, object]) -> list[Fact]:
    """What happened, by the hour, in the order in which it was recorded."""
    return [fact(version, hour, event) for version, (hour, event) in enumerate(happened, 1)]


def history(*happened: tuple[float, object]) -> History:
    return History(STREAM, OPPORTUNITY, facts(*happened))


def ask(asked: History, hour: float, command: object) -> tuple[object, ...]:
    """Decide a command on the state at its time, check it against what came later, and take it in."""
    moment = int(hour * HOUR)
    answer = OPPORTUNITY.decide(asked.state_at(moment), command, Context(STREAM, READ))
    events = [event for event in answer if isinstance(event, OPPORTUNITY.events)]
    happenings = [NewEvent(event, moment) for event in events]
    asked.check(happenings)
    asked.add(happenings)
    return tuple(events)


def order(happened: list[Fact]) -> list[tuple[float, int]]:
    """The hour and the version of each fact, in effective order."""
    return [(when / HOUR, version) for when, version, _ in effective_order(happened)]


# Effective order


@every(
    ("happened", "expected"),
    [
        (facts((1, OPENED)), [(1, 1)]),
        (facts((1, OPENED), (2, TO_OFFER), (3, WON)), [(1, 1), (2, 2), (3, 3)]),
        (facts((1, OPENED), (3, WON), (2, TO_OFFER)), [(1, 1), (2, 3), (3, 2)]),
        (facts((1, OPENED), (2, TO_OFFER), (2, WON), (2, REOPENED)), [(1, 1), (2, 2), (2, 3), (2, 4)]),
        (facts((1, OPENED), (3, WON), (2, TO_OFFER), (2, TO_NEED)), [(1, 1), (2, 3), (2, 4), (3, 2)]),
        (facts((5, OPENED), (2, TO_OFFER), (6, WON)), [(5, 1), (5, 2), (6, 3)]),
        (facts((5, OPENED), (3, TO_OFFER), (2, WON)), [(5, 1), (5, 2), (5, 3)]),
        (facts((-2, OPENED), (-1, TO_OFFER)), [(-2, 1), (-1, 2)]),
        ([fact(4, 5, TO_OFFER), fact(6, 2, WON)], [(5, 4), (5, 6)]),
    ],
    ids=[
        "one", "as recorded", "back-dated", "ties by version", "ties among back-dated ones",
        "nothing before the opening", "nothing before the opening, nor reordered there", "before 1970",
        "seen from the middle on",
    ],
)  # fmt: skip
def test_facts_take_effect_by_instant_and_then_by_version(happened, expected):
    assert order(happened) == expected


def test_a_correction_takes_the_place_of_what_it_corrects():
    happened = [*facts((1, OPENED), (2, TO_OFFER), (2, WON)), fact(4, 2, TO_NEED, corrects=2)]
    assert [(version, event.event) for _, version, event in effective_order(happened)] == [
        (1, OPENED), (2, TO_NEED), (3, WON),
    ]  # fmt: skip


def test_a_correction_may_move_a_fact_in_time():
    happened = [*facts((1, OPENED), (2, TO_OFFER), (3, WON)), fact(4, 4, TO_OFFER, corrects=2)]
    assert order(happened) == [(1, 1), (3, 3), (4, 2)]


def test_a_correction_without_a_replacement_takes_the_fact_away():
    happened = [*facts((1, OPENED), (2, TO_OFFER), (3, WON)), fact(4, 2, None, corrects=3)]
    assert order(happened) == [(1, 1), (2, 2)]
    assert History(STREAM, OPPORTUNITY, happened).state == Open(history((1, OPENED), (2, TO_OFFER)).state.deal)


def test_the_last_correction_of_a_fact_stands():
    happened = [*facts((1, OPENED), (2, TO_OFFER)), fact(3, 2, None, corrects=2), fact(4, 2, TO_NEED, corrects=2)]
    assert [event.event for *_, event in effective_order(happened)] == [OPENED, TO_NEED]


def test_a_corrected_opening_moves_what_would_be_before_it():
    happened = [*facts((1, OPENED), (2, TO_OFFER)), fact(3, 5, OPENED, corrects=1)]
    assert order(happened) == [(5, 1), (5, 2)]


def test_a_correction_of_what_was_never_seen_changes_nothing():
    happened = [*facts((1, OPENED), (2, TO_OFFER)), fact(8, 2, None, corrects=7)]
    assert order(happened) == [(1, 1), (2, 2)]


def test_corrections_alone_of_what_was_never_seen_are_nothing():
    assert effective_order([fact(8, 2, None, corrects=7), fact(9, 3, TO_NEED, corrects=6)]) == []


def test_a_history_of_which_nothing_is_left_has_no_state():
    empty = History(STREAM, OPPORTUNITY, [fact(1, 1, OPENED), fact(2, 1, None, corrects=1)])
    assert (empty.state, empty.version, empty.state_at(0)) == (None, 2, None)


# The state at an instant


@every(
    ("hour", "kind", "stage"),
    [
        (0, Open, "demo"),
        (1, Open, "demo"),
        (1.9, Open, "demo"),
        (2, Open, "offer"),
        (3, Won, "offer"),
        (4, Open, "demo"),
    ],
)
def test_the_state_at_an_instant_is_what_had_happened_by_then(hour, kind, stage):
    state = history((1, OPENED), (3, WON), (4, REOPENED), (2, TO_OFFER)).state_at(int(hour * HOUR))
    assert (type(state), state.deal.progress.stage) == (kind, stage)


def test_all_that_happened_in_one_instant_counts():
    assert isinstance(history((1, OPENED), (2, TO_OFFER), (2, WON), (9, REOPENED)).state_at(2 * HOUR), Won)


def test_what_was_clamped_to_the_opening_is_part_of_it():
    assert history((5, OPENED), (2, TO_OFFER), (6, WON)).state_at(0).deal.progress.stage == "offer"


def test_before_the_opening_the_state_is_the_one_that_the_opening_made():
    assert history((5, OPENED)).state_at(0) == history((5, OPENED)).state


@every("hour", [-1, 0, 1])
def test_a_stream_without_facts_has_no_state_even_before_1970(hour):
    empty = History(STREAM, OPPORTUNITY)
    assert (empty.version, empty.state_at(hour * HOUR)) == (0, None)


def test_facts_taken_in_one_by_one_lead_where_reading_them_leads():
    happened = [(5, OPENED), (7, TO_OFFER), (6, TO_NEED), (6, TO_OFFER), (2, TO_NEED), (9, WON)]
    one_by_one, at_once = History(STREAM, OPPORTUNITY), History(STREAM, OPPORTUNITY)
    for hour, event in happened:
        one_by_one.add([NewEvent(event, hour * HOUR)])
    at_once.add([NewEvent(event, hour * HOUR) for hour, event in happened])
    read = history(*happened)
    assert (one_by_one.version, one_by_one.state, one_by_one.latest) == (read.version, read.state, read.latest)
    assert (at_once.version, at_once.state, at_once.latest) == (read.version, read.state, read.latest)


def test_several_facts_out_of_order_in_a_new_stream_lead_where_reading_them_leads():
    happened = [(5, OPENED), (8, TO_NEED), (7, TO_OFFER)]
    added = History(STREAM, OPPORTUNITY)
    added.add([NewEvent(event, hour * HOUR) for hour, event in happened])
    assert (added.state, added.latest) == (history(*happened).state, history(*happened).latest)


@every("hour", [2, 9], ids=["back-dated", "in order"])
def test_a_history_rewound_is_as_it_was(hour):
    asked, untouched = (history((1, OPENED), (3, TO_OFFER)) for _ in range(2))
    mark = asked.mark()
    ask(asked, hour, ChangeAmount(eur("1")))
    ask(asked, hour + 1, ChangeOwner("bob"))
    asked.rewind(mark)
    assert vars(asked) == {**vars(untouched), "decider": OPPORTUNITY}
    assert ask(asked, hour, ChangeAmount(eur("2"))) == (AmountChanged(eur("900"), eur("2")),)


# Back-dated commands


def test_a_back_dated_command_is_decided_on_the_state_at_its_time():
    asked = history((1, OPENED), (5, AmountChanged(eur("900"), eur("500"))), (6, OwnerChanged("ann", "bob")))
    assert ask(asked, 3, ChangeAmount(eur("700"))) == (AmountChanged(eur("900"), eur("700")),)
    assert ask(asked, 4, ChangeOwner("bob")) == (OwnerChanged("ann", "bob"),)
    assert (asked.state.deal.terms.amount, asked.state.deal.terms.owner) == (eur("500"), "bob")
    assert asked.state_at(3 * HOUR).deal.terms.amount == eur("700")


def test_what_was_already_true_then_appends_nothing_although_it_is_not_true_now():
    asked = history((1, OPENED), (5, OwnerChanged("ann", "bob")))
    assert ask(asked, 3, ChangeOwner("ann")) == ()


def test_a_command_from_before_the_opening_is_decided_on_the_opening():
    asked = history((5, OPENED), (7, TO_OFFER))
    assert ask(asked, 2, ChangeStage("need")) == (StageChanged("demo", "need", 1, "back"),)
    assert (asked.state_at(5 * HOUR).deal.progress.stage, asked.state.deal.progress.stage) == ("need", "offer")


def test_a_command_in_the_instant_of_the_last_fact_comes_after_it():
    asked = history((1, OPENED), (5, LOST))
    with pytest.raises(Rejected, match="change-stage: the opportunity is lost"):
        ask(asked, 5, ChangeStage("offer"))


@every(
    ("happened", "hour", "command", "named"),
    [
        ([(1, OPENED), (5, TO_OFFER)], 3, WinOpportunity(),
         "opportunity-won at 1970-01-01 03:00:00Z: would make a later fact of opportunity-7 impossible: stage-changed,"
         " version 2, of 1970-01-01 05:00:00Z"),
        ([(1, OPENED), (5, LOST)], 3, WinOpportunity(),
         "opportunity-won at 1970-01-01 03:00:00Z: would make a later fact of opportunity-7 impossible:"
         " opportunity-lost, version 2, of 1970-01-01 05:00:00Z"),
        ([(1, OPENED), (7, LOST), (5, TO_OFFER)], 3, WinOpportunity(),
         "opportunity-won at 1970-01-01 03:00:00Z: would make a later fact of opportunity-7 impossible: stage-changed,"
         " version 3, of 1970-01-01 05:00:00Z"),
    ],
    ids=["a win before a move", "a win before a loss", "the first one in effective order is named"],
)  # fmt: skip
def test_a_command_that_makes_a_later_fact_impossible_is_refused_naming_that_fact(happened, hour, command, named):
    asked = history(*happened)
    with pytest.raises(Rejected) as refusal:
        ask(asked, hour, command)
    assert str(refusal.value) == named
    assert vars(asked) == {**vars(history(*happened)), "decider": OPPORTUNITY}


def test_a_back_dated_reopening_is_refused_where_the_deal_was_reopened_later():
    asked = history((1, OPENED), (3, LOST), (7, REOPENED))
    happening = [NewEvent(OpportunityReopened("demo", "sooner"), 5 * HOUR)]
    with pytest.raises(Rejected, match="impossible: opportunity-reopened, version 3"):
        asked.check(happening)


def test_a_command_that_leaves_the_later_facts_possible_is_granted_between_a_loss_and_a_reopening():
    asked = history((1, OPENED), (5, LOST), (7, REOPENED))
    assert ask(asked, 3, ChangeStage("offer")) == (TO_OFFER,)
    assert isinstance(asked.state_at(6 * HOUR), Lost)
    assert asked.state_at(6 * HOUR).deal.progress.stage == "offer"


def test_a_fact_that_was_impossible_before_is_not_blamed_on_the_newcomer():
    asked = history((1, OPENED), (3, WON), (5, TO_OFFER))  # imported as it was: moved after it had been won
    assert ask(asked, 2, ChangeAmount(eur("1"))) == (AmountChanged(eur("900"), eur("1")),)


def test_of_several_that_were_impossible_the_new_one_is_named():
    asked = history((1, OPENED), (3, WON), (5, TO_OFFER), (6, REOPENED), (8, TO_NEED))
    with pytest.raises(Rejected, match="impossible: opportunity-reopened, version 4, of 1970-01-01 06"):
        asked.check([NewEvent(REOPENED, 4 * HOUR)])


def test_nothing_new_makes_nothing_impossible():
    asked = history((1, OPENED), (3, WON), (5, TO_OFFER))
    asked.check([])
    asked.add([])
    assert asked.version == 3


def test_the_time_of_the_last_fact_itself_is_not_before_it():
    asked = history((1, OPENED), (3, TO_OFFER))
    asked.check([NewEvent(WON, 3 * HOUR)])


# The other kinds of stream


def test_a_lead_cannot_have_been_disqualified_before_it_was_qualified():
    lead = BY_KIND["lead"]
    captured = lead.decide(None, CaptureLead("fair"), Context("lead-7"))
    assert captured == (LeadCaptured("fair"),)
    happened = facts((1, captured[0]), (5, LeadQualified("framework-bant", 1)))
    asked = History("lead-7", lead, happened)
    with pytest.raises(Rejected, match=r"lead-disqualified at .* of lead-7 impossible: lead-qualified, version 2"):
        asked.check([NewEvent(LeadDisqualified("no-need"), 3 * HOUR)])


def test_a_lead_reopened_twice_is_harmless():
    happened = facts((1, LeadCaptured("fair")), (2, LeadDisqualified("no-need")), (5, LeadReopened("again")))
    asked = History("lead-7", BY_KIND["lead"], happened)
    asked.check([NewEvent(LeadReopened("sooner"), 3 * HOUR)])


def test_a_process_cannot_have_been_revised_between_its_versions():
    published = [ProcessPublished(1, "Sales", FIRST.stages), ProcessPublished(2, "Sales", REVISED.stages)]
    asked = History("process-sales", BY_KIND["process"], facts((1, published[0]), (5, published[1])))
    with pytest.raises(Rejected, match="impossible: process-published, version 2"):
        asked.check([NewEvent(ProcessPublished(2, "Other", FIRST.stages), 3 * HOUR)])
