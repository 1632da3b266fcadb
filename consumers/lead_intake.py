"""Leads from outside: what a message of the intake topic asks for, and under which names, so that it is asked once."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID, uuid5

from msgspec import Struct

from domain.errors import Malformed
from domain.lead import CaptureLead
from domain.personal import Personal
from domain.recorded import Request, Source

ACTOR = "lead-intake"
LEADS = UUID("6e911b36-762e-403f-9828-d159093dd9ba")  # never another one: each lead's stream is named from it
SOURCE, ID, TIME, CORRELATION = "ce_source", "ce_id", "ce_time", "ce_correlationid"


class Received(Protocol):
    """A message as it was received from the broker."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]: ...


class IncomingLead(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody shows interest, as another system tells us: a message of the intake topic, as JSON.

    source: where the lead came from, such as website or referral. captured_at: when, with a time zone; else the
    header `ce_time`, else when we take it in. external_id: the name of the lead in the other system.
    """

    source: str
    company: str = ""
    owner: str = ""
    name: Personal = ""
    email: Personal = ""
    phone: Personal = ""
    note: Personal = ""
    captured_at: datetime | None = None
    external_id: str = ""


Parse = Callable[[type[IncomingLead], bytes], IncomingLead]
"""Reads a JSON object as a struct; Malformed names the field and the reason."""


class Identity(NamedTuple):
    """What tells a message from every other one, however often it is delivered."""

    source: str
    id: str

    def identifier(self) -> UUID:
        """The identity as one name, drawn from both of its parts."""
        return uuid5(LEADS, f"{len(self.source)}:{self.source}{self.id}")


def identity(message: Received) -> Identity:
    """The CloudEvents source and id where a message has them, else its place in the topic. Malformed for half of it."""
    found = {name: text(name, value) for name, value in message.headers if name in (SOURCE, ID) and value}
    match found.get(SOURCE, ""), found.get(ID, ""):
        case "", "":
            return Identity(f"kafka:{message.topic}", f"{message.partition}:{message.offset}")
        case "", _:
            raise Malformed(f"{SOURCE}: a message with {ID} also says who gave it that id")
        case _, "":
            raise Malformed(f"{ID}: a message with {SOURCE} also has an id")
        case source, id:
            return Identity(source, id)


def request_of(message: Received, parse: Parse) -> Request:
    """The request that a message stands for, under names that follow from the message alone.

    So a message that is delivered again, or sent again with the same `ce_source` and `ce_id`, is answered as the first
    time, and another one under the same id is refused. Raises Malformed.
    """
    origin = identity(message)
    if message.value is None:
        raise Malformed("the message has no value; a lead is asked for, as a JSON object")
    lead = parse(IncomingLead, message.value)
    name = origin.identifier()
    return Request(
        stream=f"lead-{name}",
        command=CaptureLead(lead.source, lead.company, lead.owner, lead.name, lead.email, lead.phone, lead.note),
        actor=ACTOR,
        occurred_at=usable("captured_at", lead.captured_at) if lead.captured_at else sent_at(message),
        command_id=str(name),
        correlation_id=header(message, CORRELATION),
        source=Source(origin.source, lead.external_id or origin.id),
    )


def sent_at(message: Received) -> datetime | None:
    """When the sender says that it happened; None where nothing is said."""
    said = header(message, TIME)
    if not said:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise Malformed(f"{TIME}: {said!r} is not a time, such as 2026-03-31T09:00:00Z") from None
    if moment.utcoffset() is None:
        raise Malformed(f"{TIME}: {said} has no time zone, such as Z or +02:00")
    return usable(TIME, moment)


def usable(field: str, moment: datetime) -> datetime:
    """A time as it was given; Malformed naming the field where it is at the calendar's ends."""
    if not 1 < moment.year < 9999:
        raise Malformed(f"{field}: {moment.isoformat()} is not of the years 2 to 9998")
    return moment


def header(message: Received, name: str) -> str:
    """What a header says, the last one where there are several; empty where there is none."""
    return next((text(name, value) for at, value in reversed(list(message.headers)) if at == name and value), "")


def text(name: str, value: bytes) -> str:
    """A header as text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{name}: this header is not UTF-8") from None
