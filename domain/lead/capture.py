"""How a lead begins: somebody shows interest."""

from msgspec import Struct

from domain.bounds import Email, Filled
from domain.errors import Malformed
from domain.personal import Personal


class LeadCaptured(Struct, frozen=True, tag="lead-captured"):
    """Somebody showed interest, through a `source` such as website, referral or fair."""

    source: str
    company: str = ""
    owner: str = ""
    name: Personal = ""
    email: Personal = ""
    phone: Personal = ""
    note: Personal = ""


class CaptureLead(Struct, frozen=True, tag="capture-lead", forbid_unknown_fields=True):
    """Record that somebody shows interest."""

    source: Filled
    company: str = ""
    owner: str = ""
    name: Personal = ""
    email: Email = ""
    phone: Personal = ""
    note: Personal = ""

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise Malformed("source: say where the lead came from, such as website or referral")
        if self.email and "@" not in self.email:
            raise Malformed("email: an address has an @")


Event = LeadCaptured
Command = CaptureLead


def is_same(captured: LeadCaptured, command: CaptureLead) -> bool:
    """Whether the lead was captured just so."""
    return all(getattr(captured, name) == getattr(command, name) for name in command.__struct_fields__)
