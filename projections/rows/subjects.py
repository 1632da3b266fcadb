"""Data subjects: who must be kept, may be erased, or was; no reason, and no name."""

from msgspec import Struct

from domain.recorded import Fact
from domain.reference import subject
from domain.reference.subject import SubjectErased, SubjectHeld, SubjectReleased
from projections.versions import Projection, tags

VERSION = 1
ERASED, HELD, RELEASED = "erased", "held", "released"


class Subject(Struct, frozen=True):
    """A person as decided (`stream` is about the stream named in `about`): held, released or erased, since then."""

    about: str
    status: str
    since: int


def evolve(row: Subject | None, fact: Fact) -> Subject | None:
    """The person after a decision; who was erased stays so."""
    match fact.event:
        case SubjectErased():
            status = ERASED
        case SubjectHeld():
            status = HELD
        case SubjectReleased():
            status = RELEASED
        case _:
            return row
    if row and row.status in (status, ERASED):
        return row
    return Subject(subject.about(fact.stream), status, fact.occurred_at)


PROJECTION = Projection(
    "subjects", VERSION, "subject", tags(SubjectErased, SubjectHeld, SubjectReleased), Subject, evolve
)
