"""What stands in the log in the clear is a code or an id, in every command and every correction; old facts read on."""

from datetime import date

import pytest

from domain.correction import CorrectFact
from domain.errors import Malformed
from domain.lead.disposition import DisqualifyLead, LeadDisqualified
from domain.lead.profile import ContactLead, LeadContacted
from domain.opportunity.closing import LoseOpportunity, OpportunityLost
from domain.opportunity.follow_up import ActivityCompleted, ActivityScheduled, CompleteActivity, ScheduleActivity
from infra.store.codec import decode
from tests.offenders import every

DAY = date(2026, 5, 1)
WORDS = "Jo Doe wants it cheaper"
CODES = {
    "lose-opportunity reason": LoseOpportunity,
    "lose-opportunity competitor": lambda text: LoseOpportunity("price", text),
    "disqualify-lead reason": DisqualifyLead,
    "schedule-activity kind": lambda text: ScheduleActivity("act-1", text, DAY),
    "complete-activity kind": lambda text: CompleteActivity("act-1", text),
    "contact-lead channel": lambda text: ContactLead("call-1", text),
    "opportunity-lost reason": lambda text: CorrectFact(2, "a slip", OpportunityLost(text)),
    "opportunity-lost competitor": lambda text: CorrectFact(2, "a slip", OpportunityLost("price", text)),
    "lead-disqualified reason": lambda text: CorrectFact(2, "a slip", LeadDisqualified(text)),
    "activity-scheduled kind": lambda text: CorrectFact(2, "a slip", ActivityScheduled("act-1", text, DAY)),
    "activity-completed kind": lambda text: CorrectFact(2, "a slip", ActivityCompleted("act-1", text)),
    "lead-contacted channel": lambda text: CorrectFact(2, "a slip", LeadContacted("call-1", text)),
}
IDS = {
    "schedule-activity activity": lambda text: ScheduleActivity(text, "call", DAY),
    "complete-activity activity": lambda text: CompleteActivity(text, "call"),
    "contact-lead contact": lambda text: ContactLead(text, "call"),
    "activity-completed activity": lambda text: CorrectFact(2, "a slip", ActivityCompleted(text, "call")),
}


@every("where", CODES)
@every("text", [WORDS, "Price", "too_dear", "über", "p" * 41, "price\n", "a b"])
def test_words_where_a_code_is_wanted_are_refused_naming_the_field(where, text):
    with pytest.raises(
        Malformed, match=f"^{where.split()[1]}: .* is no code such as [a-z-]+: 1 to 40 of a-z, 0-9 and hyph"
    ):
        CODES[where](text)


@every("where", CODES)
@every("text", ["price", "2-late", "p" * 40])
def test_a_code_is_taken(where, text):
    assert CODES[where](text)


@every("where", IDS)
@every("text", [WORDS, "über", "a" * 81, "a/b", "act-1\n"])
def test_words_where_an_id_is_wanted_are_refused_naming_the_field(where, text):
    with pytest.raises(Malformed, match=f"^{where.split()[1]}: .* is no id such as {where.split()[1]}-7: 1 to 80 of"):
        IDS[where](text)


@every("where", IDS)
@every("text", ["act-1", "A.b_c:9", "a" * 80])
def test_an_id_is_taken(where, text):
    assert IDS[where](text)


def test_facts_that_were_stored_before_read_as_they_are():
    line = b'{"type":"opportunity-lost","reason":"they wanted it cheaper","competitor":"Globex Ltd","note":""}'
    assert decode("opportunity-lost", line) == OpportunityLost("they wanted it cheaper", "Globex Ltd")
    line = b'{"type":"activity-completed","activity":"call Jo / Monday","kind":"Long call","note":""}'
    assert decode("activity-completed", line) == ActivityCompleted("call Jo / Monday", "Long call")
