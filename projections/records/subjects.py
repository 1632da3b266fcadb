"""Data subjects as records: of whom it was decided that they must be kept, may be erased, or are erased."""

from collections.abc import Sequence

from msgspec import Struct

from domain.recorded import Fact, instant
from domain.reference import subject
from domain.reference.subject import Held, SubjectErased
from projections.query.metric import Query
from projections.query.tables import SUBJECTS
from projections.query.units import Moment
from projections.records.following import folded, in_effect, reached
from projections.records.gathered import Few, equal, gathered
from projections.rows import subjects
from projections.rows.subjects import ERASED, HELD, RELEASED


class SubjectRecord(Struct, frozen=True, kw_only=True):
    """A person at a moment. subject: the stream that their key is named after. `version`: what the stream has reached.

    reasons: of the holds that stand. basis: by what right they were erased, approved_by somebody.
    """

    stream: str
    version: int
    subject: str
    status: str
    since: Moment
    reasons: list[str]
    basis: str
    approved_by: str


def record(asked: Query, stream: str, facts: Sequence[Fact]) -> SubjectRecord | None:
    """The person at the moment."""
    row, erased = None, SubjectErased("", "")
    for fact in in_effect(facts, asked.moment):
        row = subjects.evolve(row, fact)
        if isinstance(fact.event, SubjectErased):
            erased = fact.event
    if row is None:
        return None
    state: subject.State = folded(subject.evolve, facts, asked.moment)
    return SubjectRecord(
        stream=stream, version=reached(facts), subject=row.about, status=row.status, since=instant(row.since),
        reasons=list(state.reasons) if isinstance(state, Held) else [], basis=erased.basis,
        approved_by=erased.approved_by,
    )  # fmt: skip


KIND = gathered(Few(
    "subject", "subjects", "people who are held, released or erased", SUBJECTS, SubjectRecord,
    ("stream", "status", "since", "basis", "approved_by"), ("since", "status", "stream"), "-since",
    {
        "status": equal("status", "what was decided", among=(HELD, RELEASED, ERASED)),
        "subject": equal("subject", "the stream that the person's key is named after"),
    },
    record, record,
))  # fmt: skip
