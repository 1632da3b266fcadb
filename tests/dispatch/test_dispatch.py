"""What is asked reaches the streams that decide it; what follows is appended at once or not at all."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from domain.errors import KeyReused, Malformed, Rejected
from domain.lead import CaptureLead, LeadConverted
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import LoseOpportunity, OpportunityWon, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangeStage, StageChanged
from domain.opportunity.terms import AmountChanged, ChangeAmount, ChangeOwner, OwnerChanged
from domain.recorded import Source
from domain.reference.customer import CustomerOpened, OpenCustomer, PurchaseAdded, customer_stream
from infra.application.dispatch import Receipt
from tests.dispatch.asking import CONVERT, DEAL, LEAD, NOW, OPEN, asked, eur, events, qualify

# What is answered


def test_a_receipt_names_each_fact_and_the_position_of_the_last(dispatcher, log):
    receipt = dispatcher.execute(asked(DEAL, OPEN))
    assert receipt == Receipt(DEAL, ((DEAL, 1),), log.head(), types=("opportunity-opened",))


def test_what_is_already_true_appends_nothing_and_says_so(deal, log):
    head = log.head()
    assert deal.execute(asked(DEAL, OPEN)) == Receipt(DEAL, ())
    assert log.head() == head


def test_what_is_refused_appends_nothing(deal, log):
    head = log.head()
    with pytest.raises(Rejected, match=r"^reopen-opportunity: the opportunity is already open in discovery"):
        deal.execute(asked(DEAL, ReopenOpportunity("why not", "proposal")))
    assert log.head() == head


def test_the_envelope_is_kept(dispatcher, log):
    when = datetime(2026, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    dispatcher.execute(
        asked(DEAL, OPEN, occurred_at=when, on_behalf_of="bob", command_id="c-1", correlation_id="talk-1",
              causation_id="mail-1", source=Source("crm", "4711", "batch-1"))
    )  # fmt: skip
    [recorded] = log.histories([DEAL])[DEAL]
    assert (recorded.actor, recorded.on_behalf_of, recorded.command_id) == ("ann", "bob", "c-1")
    assert (recorded.correlation_id, recorded.causation_id) == ("talk-1", "mail-1")
    assert recorded.source == Source("crm", "4711", "batch-1")
    assert recorded.occurred_at == when
    assert recorded.event_id.version == 7


def test_without_a_time_of_its_own_it_happened_now(dispatcher, log):
    dispatcher.execute(asked(DEAL, OPEN))
    assert log.histories([DEAL])[DEAL][0].occurred_at == NOW


# Command ids


def test_a_repeated_command_id_is_answered_as_before(make, deal, log):
    first = deal.execute(asked(DEAL, ChangeOwner("bob"), command_id="c-1"))
    deal.execute(asked(DEAL, ChangeOwner("cleo")))
    head = log.head()
    again = make().execute(asked(DEAL, ChangeOwner("bob"), command_id="c-1"))
    assert again == first._replace(repeated=True)
    assert again.position == first.position != 0
    assert log.head() == head


def test_a_command_id_with_another_body_is_refused(deal, log):
    deal.execute(asked(DEAL, ChangeOwner("bob"), command_id="c-1"))
    head = log.head()
    others = [
        asked(DEAL, ChangeOwner("cleo"), command_id="c-1"),
        asked("opportunity-8", ChangeOwner("bob"), command_id="c-1"),
        asked(DEAL, ChangeStage("proposal"), command_id="c-1"),
        asked(DEAL, ChangeOwner("bob"), command_id="c-1", occurred_at=NOW),
        asked(DEAL, ChangeOwner("bob"), command_id="c-1", reason="because"),
        asked(DEAL, ChangeOwner("bob"), command_id="c-1", on_behalf_of="dan"),
    ]
    for other in others:
        with pytest.raises(KeyReused, match=r"^command_id: ann used 'c-1' before, for another request$"):
            deal.execute(other)
    assert log.head() == head


def test_two_actors_may_use_the_same_command_id(deal):
    assert not deal.execute(asked(DEAL, ChangeOwner("bob"), command_id="c-1")).repeated
    assert not deal.execute(asked(DEAL, ChangeOwner("cleo"), command_id="c-1", actor="bob")).repeated


def test_an_answer_is_kept_although_nothing_was_appended(make, deal, log):
    nothing = deal.execute(asked(DEAL, ChangeOwner("ann"), command_id="c-1"))
    assert nothing == Receipt(DEAL, ())
    deal.execute(asked(DEAL, ChangeOwner("bob")))
    assert make().execute(asked(DEAL, ChangeOwner("ann"), command_id="c-1")) == nothing._replace(repeated=True)
    assert isinstance(events(log, DEAL)[-1], OwnerChanged)
    with pytest.raises(KeyReused):
        make().execute(asked(DEAL, ChangeOwner("cleo"), command_id="c-1"))


def test_a_refusal_is_no_answer_and_may_be_asked_again(deal):
    with pytest.raises(Rejected):
        deal.execute(asked(DEAL, ReopenOpportunity("again", "proposal"), command_id="c-1"))
    deal.execute(asked(DEAL, LoseOpportunity("price")))
    assert deal.execute(asked(DEAL, ReopenOpportunity("again", "proposal"), command_id="c-1")).facts == ((DEAL, 3),)


def test_a_command_id_repeated_or_reused_within_one_batch_is_answered_alike(deal, log):
    first, again, reused = deal.execute_all([
        asked(DEAL, ChangeOwner("bob"), command_id="c-1"),
        asked(DEAL, ChangeOwner("bob"), command_id="c-1"),
        asked(DEAL, ChangeOwner("cleo"), command_id="c-1"),
    ])  # fmt: skip
    assert (first.repeated, again) == (False, first._replace(repeated=True))
    assert isinstance(reused, KeyReused)
    assert len(events(log, DEAL)) == 2


def test_a_request_that_says_something_personal_is_recognised_when_it_comes_again(make, dispatcher):
    request = asked(LEAD, CaptureLead("fair", name="Jo Doe"), command_id="c-1", reason="met in person")
    assert not dispatcher.execute(request).repeated
    assert make().execute(request).repeated
    with pytest.raises(KeyReused):
        make().execute(replace(request, command=CaptureLead("fair", name="Jo Roe")))


# Batches


def test_one_refused_request_leaves_the_rest_of_the_batch(deal, log):
    outcomes = deal.execute_all([
        asked(DEAL, ChangeOwner("bob")),
        asked(DEAL, ChangeStage("nowhere")),
        asked(LEAD, ChangeOwner("bob")),
        asked(DEAL, ChangeStage("proposal")),
    ])  # fmt: skip
    assert [type(outcome) for outcome in outcomes] == [Receipt, Rejected, Malformed, Receipt]
    assert [outcome.facts for outcome in outcomes if isinstance(outcome, Receipt)] == [((DEAL, 2),), ((DEAL, 3),)]
    assert outcomes[3].position == log.head()


def test_each_request_of_a_batch_is_decided_on_what_the_ones_before_it_led_to(dispatcher, log):
    outcomes = dispatcher.execute_all([
        asked(DEAL, OPEN), asked(DEAL, ChangeStage("proposal")), asked(DEAL, ChangeStage("proposal")),
        asked(DEAL, WinOpportunity()), asked(DEAL, ChangeStage("discovery")),
    ])  # fmt: skip
    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False] * 4 + [True]
    assert [type(event) for event in events(log, DEAL)] == [OpportunityOpened, StageChanged, OpportunityWon]


def test_of_a_group_everything_happens_or_nothing(deal, log):
    refused, granted = deal.execute_groups([
        [asked(DEAL, ChangeOwner("bob"), command_id="c-1"), asked(DEAL, ChangeAmount(eur(1)), occurred_at=NOW),
         asked(DEAL, ChangeStage("nowhere"))],
        [asked(DEAL, ChangeOwner("cleo"), command_id="c-1"), asked(DEAL, ChangeStage("proposal"))],
    ])  # fmt: skip
    assert isinstance(refused, Rejected)
    assert [receipt.facts for receipt in granted] == [((DEAL, 2),), ((DEAL, 3),)]
    assert events(log, DEAL)[1:] == [
        OwnerChanged("ann", "cleo"), StageChanged("discovery", "proposal", 1, "forward"),
    ]  # fmt: skip


def test_an_empty_batch_does_nothing(dispatcher, log):
    head = log.head()
    assert dispatcher.execute_all([]) == []
    assert log.head() == head


# Over several streams


def test_a_conversion_and_the_opening_of_the_deal_are_one_append(dispatcher, log):
    qualify(dispatcher)
    head = log.head()
    receipt = dispatcher.execute(asked(LEAD, CONVERT, reason="they said yes"))
    assert receipt == Receipt(LEAD, ((LEAD, 3), (DEAL, 1)), log.head(), types=("lead-converted", "opportunity-opened"))
    converted, opened = log.recorded(head, 10)
    assert converted.event == LeadConverted("Acme", DEAL)
    assert (opened.stream, opened.event.lead, opened.event.owner) == (DEAL, LEAD, "ann")
    assert converted.recorded_at == opened.recorded_at
    assert dispatcher.execute(asked(LEAD, CONVERT)).facts == ()


def test_a_conversion_into_a_deal_that_is_another_leads_is_refused_and_nothing_of_it_stays(deal, log):
    qualify(deal)
    head = log.head()
    with pytest.raises(Rejected, match=r"^open-opportunity: the opportunity is already open"):
        deal.execute(asked(LEAD, CONVERT))
    assert log.head() == head
    assert deal.execute(asked(LEAD, replace(CONVERT, opportunity="opportunity-8"))).facts[0] == (LEAD, 3)


@pytest.mark.parametrize("name", ["opportunity-", "opportunity-" + "7" * 200])
def test_a_conversion_into_a_stream_that_cannot_be_is_malformed(dispatcher, log, name):
    qualify(dispatcher)
    head = log.head()
    with pytest.raises(Malformed, match=r"^stream: open-opportunity is asked of a stream named opportunity-…, not of "):
        dispatcher.execute(asked(LEAD, replace(CONVERT, opportunity=name)))
    assert log.head() == head


def test_a_conversion_in_a_process_that_is_not_published_is_refused(dispatcher):
    qualify(dispatcher)
    for process in ("process-draft", "nothing", "", LEAD):
        with pytest.raises(Rejected, match=f"^{process} is not published"):
            dispatcher.execute(asked(LEAD, replace(CONVERT, process=process)))


def test_a_deal_that_names_its_lead_has_the_source_of_that_and_its_conversion_too(dispatcher, log):
    qualify(dispatcher)
    dispatcher.execute(asked(LEAD, CONVERT))
    later = asked("opportunity-8", replace(OPEN, lead=LEAD), command_id="c-1")
    first = dispatcher.execute(later)
    assert [events(log, deal)[0].source for deal in (DEAL, "opportunity-8")] == ["fair", "fair"]
    assert dispatcher.execute(later).facts == first.facts
    assert dispatcher.execute(asked("opportunity-8", replace(OPEN, lead=LEAD))).facts == ()
    dispatcher.execute(asked("opportunity-9", replace(OPEN, lead=LEAD, source="web")))
    assert events(log, "opportunity-9")[0].source == "web"


def test_a_win_makes_the_account_a_customer_once(deal, log):
    deal.execute(asked("opportunity-8", replace(OPEN, account=" ACME")))
    customer = customer_stream("Acme", DEAL)
    won = deal.execute(asked(DEAL, WinOpportunity()))
    assert won.facts == ((DEAL, 2), (customer, 1))
    assert deal.execute(asked("opportunity-8", WinOpportunity())).facts == (("opportunity-8", 2), (customer, 2))
    assert events(log, customer) == [CustomerOpened("Acme", DEAL), PurchaseAdded("opportunity-8")]


def test_two_wins_of_one_account_in_one_batch_make_one_customer(deal, log):
    deal.execute_all([
        asked("opportunity-8", OPEN), asked(DEAL, WinOpportunity()), asked("opportunity-8", WinOpportunity()),
        asked(customer_stream("Acme", ""), OpenCustomer("Acme")),
    ])  # fmt: skip
    assert events(log, customer_stream("Acme", DEAL)) == [CustomerOpened("Acme", DEAL), PurchaseAdded("opportunity-8")]


# Time


def test_a_back_dated_command_is_decided_on_the_state_at_its_time(deal, log):
    deal.execute(asked(DEAL, ChangeOwner("bob"), occurred_at=NOW - timedelta(hours=1)))
    deal.execute(asked(DEAL, ChangeAmount(eur(950)), occurred_at=NOW - timedelta(hours=1)))
    deal.execute(asked(DEAL, ChangeAmount(eur(925)), occurred_at=NOW - timedelta(hours=3)))
    assert events(log, DEAL)[-1] == AmountChanged(eur(900), eur(925))
    assert deal.history(DEAL).state.deal.terms.amount == eur(950)


def test_a_back_dated_command_that_makes_a_later_fact_impossible_is_refused_naming_it(deal, log):
    deal.execute(asked(DEAL, ChangeStage("proposal"), occurred_at=NOW - timedelta(hours=1)))
    head = log.head()
    with pytest.raises(Rejected, match="impossible: stage-changed, version 2, of 2026-06-01 11:00:00Z"):
        deal.execute(asked(DEAL, WinOpportunity(), occurred_at=NOW - timedelta(hours=3)))
    assert log.head() == head


def test_a_command_from_before_1970_is_recorded_at_its_time(dispatcher, log):
    when = datetime(1969, 7, 20, 20, 17, tzinfo=UTC)
    dispatcher.execute(asked(DEAL, OPEN, occurred_at=when))
    assert log.histories([DEAL])[DEAL][0].occurred_at == when


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (NOW + timedelta(minutes=6), "occurred_at: 2026-06-01T12:06:00+00:00 is in the future"),
        (NOW.replace(tzinfo=None), "occurred_at: 2026-06-01T12:00:00 has no time zone"),
        (datetime(1, 12, 31, tzinfo=UTC), "occurred_at: 0001-12-31T00:00:00+00:00 is before the year 2 in UTC"),
    ],
)
def test_a_time_to_come_without_a_zone_or_at_the_calendars_start_is_malformed(dispatcher, log, when, reason):
    with pytest.raises(Malformed) as refusal:
        dispatcher.execute(asked(DEAL, OPEN, occurred_at=when))
    assert str(refusal.value) == reason
    assert events(log, DEAL) == []


def test_clocks_may_differ_a_little(dispatcher):
    assert dispatcher.execute(asked(DEAL, OPEN, occurred_at=NOW + timedelta(minutes=5))).facts
