"""What may be done about a person, and when: the table of the decider."""

import pytest

from domain.decider import Context
from domain.errors import Malformed, Rejected
from domain.reference.subject import (
    Erased,
    EraseSubject,
    Held,
    HoldSubject,
    Released,
    ReleaseSubject,
    SubjectErased,
    SubjectHeld,
    SubjectReleased,
    decide,
    evolve,
    possible,
)
from tests.offenders import every

HELD, ERASED, RELEASED = SubjectHeld("a claim"), SubjectErased("GDPR", "bea"), SubjectReleased("settled")
ERASE, HOLD, RELEASE = EraseSubject("GDPR", "bea"), HoldSubject("a claim"), ReleaseSubject("settled")


def after(*events):
    state = None
    for event in events:
        state = evolve(state, event)
    return state


@every(
    ("given", "when", "then"),
    [
        ((), ERASE, (ERASED,)),
        ((), HOLD, (HELD,)),
        ((), RELEASE, ()),
        ((HELD,), HOLD, ()),
        ((HELD,), HoldSubject("an audit"), (SubjectHeld("an audit"),)),
        ((HELD,), RELEASE, (RELEASED,)),
        ((HELD,), ERASE, "is held"),
        ((HELD, SubjectHeld("an audit")), ERASE, "is held, the timeline says why"),
        ((HELD, RELEASED), ERASE, (ERASED,)),
        ((HELD, RELEASED), RELEASE, ()),
        ((HELD, RELEASED), HOLD, (HELD,)),
        ((HELD, RELEASED, HELD), ERASE, "is held"),
        ((ERASED,), ERASE, ()),
        ((ERASED,), HOLD, "lead-7 was erased, for ever"),
        ((ERASED,), RELEASE, "lead-7 was erased, for ever"),
        ((), EraseSubject("GDPR", "ann"), "somebody else must approve"),
        ((), EraseSubject("GDPR", " Ann "), "somebody else must approve"),
    ],
)
def test_what_is_asked_leads_to_facts_or_is_refused(given, when, then):
    context = Context("subject-lead-7", actor="ann")
    if isinstance(then, str):
        with pytest.raises(Rejected, match=then):
            decide(after(*given), when, context)
    else:
        assert decide(after(*given), when, context) == then


@every(
    ("given", "event", "fits"),
    [
        ((), ERASED, True),
        ((HELD,), ERASED, False),
        ((HELD, RELEASED), ERASED, True),
        ((ERASED,), HELD, False),
        ((ERASED,), ERASED, False),
        ((), RELEASED, True),
    ],
)
def test_a_fact_between_must_leave_the_later_ones_possible(given, event, fits):
    assert possible(after(*given), event) == fits


def test_the_states_say_what_became_of_a_person():
    assert after(HELD, SubjectHeld("an audit")) == Held(("a claim", "an audit"))
    assert (after(HELD, RELEASED), after(ERASED), after(ERASED, HELD)) == (Released(), Erased(), Erased())


@every(
    "wrong",
    [
        lambda: EraseSubject(" ", "bea"),
        lambda: EraseSubject("GDPR", ""),
        lambda: HoldSubject(" "),
        lambda: ReleaseSubject(""),
    ],
    ids=["no basis", "nobody approved", "no reason to hold", "no reason to release"],
)
def test_a_command_about_a_person_says_why(wrong):
    with pytest.raises(Malformed):
        wrong()
