"""Corrections reach the log: in the place of the fact, sealed like it, decided on the history as it is."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.correction import CorrectFact, FactCorrected
from domain.errors import KeyReused, Malformed, Rejected
from domain.lead import CaptureLead, LeadCaptured, LeadConverted
from domain.lead.profile import AssignLead, LeadAssigned
from domain.opportunity import Lost, Merged
from domain.opportunity.closing import LoseOpportunity, OpportunityLost, ReopenOpportunity, WinOpportunity
from domain.opportunity.progress import ChangePipeline, ChangeStage, StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityMerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from domain.opportunity.terms import AmountChanged, ChangeAmount, ChangeOwner, OwnerChanged
from domain.reference.process import STANDARD, PublishProcess, RetireStage
from tests.dispatch.asking import CONVERT, DEAL, LEAD, NOW, OPEN, asked, eur, events, qualify
from tests.dispatch.test_privacy import everything_stored

HOUR = timedelta(hours=1)
MEANT = AmountChanged(eur(900), eur(930))


def slip(version, replacement=None, reason="a slip"):
    return CorrectFact(version, reason, replacement)


@pytest.fixture
def raised(deal):
    """A dispatcher that finds a deal raised three hours ago, by mistake, and handed on an hour ago."""
    deal.execute(asked(DEAL, ChangeAmount(eur(9300)), occurred_at=NOW - 3 * HOUR))
    deal.execute(asked(DEAL, ChangeOwner("bob"), occurred_at=NOW - HOUR))
    return deal


def test_a_correction_is_recorded_at_the_time_of_the_fact_and_stands_in_its_place(raised, make, log):
    receipt = raised.execute(asked(DEAL, slip(2, MEANT)))
    assert receipt.facts == ((DEAL, 4),)
    recorded = log.histories([DEAL])[DEAL]
    assert [one.occurred_at for one in recorded] == [NOW - 5 * HOUR, NOW - 3 * HOUR, NOW - HOUR, NOW - 3 * HOUR]
    assert isinstance(recorded[3].event, FactCorrected) and recorded[3].event.replacement == MEANT
    for history in (raised.history(DEAL), make().history(DEAL)):
        assert (history.state.deal.amount, history.state.deal.terms.owner) == (eur(930), "bob")


def test_a_correction_takes_the_time_that_the_request_gives(raised, make, log):
    raised.execute(asked(DEAL, slip(2, MEANT), occurred_at=NOW - 2 * HOUR))
    assert log.histories([DEAL])[DEAL][3].occurred_at == NOW - 2 * HOUR
    at = log.facts([DEAL], log.head())[DEAL][3].occurred_at
    assert make().history(DEAL).state_at(at - 1).deal.amount == eur(900)
    assert make().history(DEAL).state_at(at).deal.amount == eur(930)


def test_a_correction_without_a_replacement_takes_the_fact_away(raised, make):
    raised.execute(asked(DEAL, slip(2)))
    assert make().history(DEAL).state.deal.amount == eur(900)


@pytest.mark.parametrize("replacement", [MEANT, None], ids=["replaced", "taken away"])
def test_a_repeated_correction_adds_nothing(raised, make, log, replacement):
    raised.execute(asked(DEAL, slip(2, replacement), command_id="c-1"))
    head = log.head()
    assert make().execute(asked(DEAL, slip(2, replacement), command_id="c-1")).repeated
    assert make().execute(asked(DEAL, slip(2, replacement, "in other words"))).facts == ()
    with pytest.raises(KeyReused):
        make().execute(asked(DEAL, slip(2, replacement, "in other words"), command_id="c-1"))
    assert log.head() == head


def test_of_two_corrections_the_last_one_stands(raised, make):
    raised.execute(asked(DEAL, slip(2, MEANT)))
    raised.execute(asked(DEAL, slip(2, replace(MEANT, to=eur(950)))))
    assert make().history(DEAL).state.deal.amount == eur(950)
    with pytest.raises(Rejected, match=r"^correct-fact: version 4 corrects version 2: correct that one again$"):
        make().execute(asked(DEAL, slip(4, MEANT)))


def test_what_is_asked_after_a_correction_in_the_same_batch_is_decided_on_it(raised, log):
    _, changed, again = raised.execute_all([
        asked(DEAL, slip(2)), asked(DEAL, ChangeAmount(eur(950))), asked(DEAL, slip(2)),
    ])  # fmt: skip
    assert events(log, DEAL)[-1] == AmountChanged(eur(900), eur(950))
    assert (changed.facts, again.facts) == (((DEAL, 5),), ())


def test_a_correction_that_makes_a_later_fact_impossible_is_refused_naming_it(deal, log):
    deal.execute(asked(DEAL, LoseOpportunity("price"), occurred_at=NOW - 3 * HOUR))
    deal.execute(asked(DEAL, ReopenOpportunity("again"), occurred_at=NOW - 2 * HOUR))
    head = log.head()
    for asked_for in (asked(DEAL, slip(2)), asked(DEAL, slip(2, OpportunityLost("price")), occurred_at=NOW - HOUR)):
        with pytest.raises(Rejected, match="impossible: opportunity-reopened, version 3, of 2026-06-01 10:00:00Z"):
            deal.execute(asked_for)
    assert log.head() == head
    assert deal.execute(asked(DEAL, slip(2, OpportunityLost("timing")))).facts == ((DEAL, 4),)


def test_of_a_group_with_a_refused_request_no_correction_stays(raised, log):
    [refused] = raised.execute_groups([[asked(DEAL, slip(2, MEANT)), asked(DEAL, slip(1))]])
    assert isinstance(refused, Rejected)
    assert raised.history(DEAL).state.deal.amount == eur(9300)
    assert len(events(log, DEAL)) == 3


def test_a_correction_of_a_stream_that_has_none_is_malformed(deal):
    with pytest.raises(Malformed, match=r"^stream: correct-fact is asked of a stream named lead-… or opportunity-…, "):
        deal.execute(asked("process-standard", slip(1)))
    with pytest.raises(Rejected, match=r"^correct-fact: opportunity-99 has no version 1, it ends with 0$"):
        deal.execute(asked("opportunity-99", slip(1, MEANT)))


# Stages

TALK, _, _, SOLD, GONE = STANDARD.stages
LEAN = PublishProcess("Lean", (replace(TALK, id="talk"), SOLD, GONE))


def test_a_stage_is_looked_up_in_the_process_that_the_deal_followed_then(deal, make):
    deal.execute(asked(DEAL, ChangeStage("proposal"), occurred_at=NOW - 3 * HOUR))
    deal.execute(asked("process-lean", LEAN))
    deal.execute(asked(DEAL, ChangePipeline("process-lean", {"proposal": "talk"}), occurred_at=NOW - HOUR))
    deal.execute(asked(DEAL, slip(2, StageChanged("discovery", "negotiation", 1, "forward", ("proposal",)))))
    with pytest.raises(Rejected, match="the process has no stage 'talk'"):
        deal.execute(asked(DEAL, slip(2, StageChanged("discovery", "talk", 1, "forward"))))
    opened = make().history(DEAL).state.deal.opened
    deal.execute(asked(DEAL, slip(1, replace(opened, amount=eur(1)))))
    assert make().history(DEAL).state.deal.amount == eur(1)
    with pytest.raises(Rejected, match=r"^correct-fact: the deal was opened in version 1 of process-standard; "):
        deal.execute(asked(DEAL, slip(1, replace(opened, process_version=7))))


def test_an_opening_in_a_stage_that_was_retired_since_is_corrected_in_the_rest(deal, make):
    deal.execute(asked("process-standard", RetireStage("discovery", "proposal")))
    opened = make().history(DEAL).state.deal.opened
    deal.execute(asked(DEAL, slip(1, replace(opened, owner="cleo"))))
    assert make().history(DEAL).state.deal.terms.owner == "cleo"


# Removed deals


@pytest.mark.parametrize(
    ("remove", "undo"),
    [
        (MergeOpportunity("opportunity-8"), UnmergeOpportunity("two")),
        (DeleteOpportunity("a test"), RestoreOpportunity("no test")),
    ],
    ids=["merged", "deleted"],
)
def test_a_removed_deal_accepts_its_undoing_and_corrections_alone(raised, make, remove, undo):
    raised.execute(asked("opportunity-8", OPEN))
    raised.execute(asked(DEAL, remove))
    for command in (ChangeAmount(eur(1)), ChangeStage("proposal"), WinOpportunity(), LoseOpportunity("price")):
        with pytest.raises(Rejected, match=r"the opportunity is (merged into opportunity-8|deleted); allowed: "):
            raised.execute(asked(DEAL, command))
    raised.execute(asked(DEAL, slip(2, MEANT)))
    raised.execute(asked(DEAL, undo))
    assert make().history(DEAL).state.deal.amount == eur(930)


def test_a_merge_is_decided_on_the_survivor_as_it_is_and_chains_are_refused(deal, make):
    deal.execute_all([asked("opportunity-8", OPEN), asked("opportunity-9", OPEN)])
    deal.execute(asked("opportunity-8", MergeOpportunity(DEAL)))
    for stream, reason in ((DEAL, "opportunity-8 is itself merged into opportunity-7"), ("opportunity-9", "itself")):
        with pytest.raises(Rejected, match=reason):
            deal.execute(asked(stream, MergeOpportunity("opportunity-8")))
    deal.execute(asked("opportunity-8", slip(2)))  # taken away, it is as if it had never been merged
    deal.execute(asked(DEAL, MergeOpportunity("opportunity-8")))
    assert isinstance(make().history(DEAL).state, Merged)
    with pytest.raises(Rejected, match=r"^correct-fact: another survivor is named by unmerging, and merging again$"):
        deal.execute(asked("opportunity-8", slip(2, OpportunityMerged(DEAL))))


# Leads, and what is sealed


def test_a_lead_is_corrected_and_its_conversion_stays_tied_to_its_opportunity(dispatcher, make):
    qualify(dispatcher)
    dispatcher.execute(asked(LEAD, AssignLead("bob"), occurred_at=NOW - HOUR))
    dispatcher.execute(asked(LEAD, CONVERT))
    dispatcher.execute(asked(LEAD, slip(3, LeadAssigned("cleo"))))
    assert make().history(LEAD).state.lead.profile.owner == "cleo"
    for replacement in (LeadConverted("Acme", "opportunity-8"), None):
        with pytest.raises(Rejected, match=r"^correct-fact: the lead became opportunity-7, which was opened with it$"):
            dispatcher.execute(asked(LEAD, slip(4, replacement)))


def test_what_a_correction_says_of_a_person_is_sealed_wherever_it_stands(dispatcher, make, log, log_url):
    dispatcher.execute(asked(LEAD, CaptureLead("fair", name="Jo Doe")))
    meant = LeadCaptured("fair", "Acme", name="SECRET-1", email="SECRET-2@acme.example", note="SECRET-3")
    dispatcher.execute(asked(LEAD, slip(1, meant, "SECRET-4"), reason="SECRET-5"))
    dispatcher.execute(asked(DEAL, replace(OPEN, lead=LEAD)))
    dispatcher.execute(asked(DEAL, LoseOpportunity("price")))
    dispatcher.execute(asked(DEAL, slip(2, OpportunityLost("price", "globex", "SECRET-6"), "SECRET-7")))
    stored = everything_stored(log_url)
    assert b"SECRET" not in stored and b"globex" in stored
    corrected = log.histories([LEAD])[LEAD][1].event
    assert corrected.replacement.name.startswith("sealed:1:lead-7:") and corrected.replacement.company == "Acme"
    lost = log.histories([DEAL])[DEAL][2].event
    assert lost.replacement.note.startswith("sealed:1:lead-7:") and lost.reason.startswith("sealed:1:lead-7:")
    assert make().history(LEAD).state.lead.captured == meant
    assert make().history(LEAD).facts[1].event == meant
    assert isinstance(make().history(DEAL).state, Lost)
    assert make().execute(asked(LEAD, slip(1, meant, "SECRET-4"))).facts == ()


def test_an_owner_is_corrected_by_two_at_once_and_the_later_one_stands(raised, make, log):
    bulk = make(cached=True)
    bulk.execute(asked(DEAL, slip(3, OwnerChanged("ann", "cleo"))))
    raised.execute(asked(DEAL, slip(3, OwnerChanged("ann", "dan"))))
    assert bulk.execute(asked(DEAL, slip(3, OwnerChanged("ann", "cleo")))).facts == ((DEAL, 6),)
    assert make().history(DEAL).state.deal.terms.owner == "cleo"
