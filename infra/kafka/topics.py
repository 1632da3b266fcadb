"""The topics: which events each carries, and how it is laid out. A layout never changes; a new one is a new topic."""

from collections.abc import Mapping
from typing import NamedTuple

from domain import DECIDERS, kind

PARTITIONS = 12
MESSAGE = 1_000_000  # bytes of a message that our clients send at most: an event as large as the log takes, twice
ROOM = 1_048_576  # bytes of a batch that a topic takes: such a message where it cannot be compressed, with its frame
TAKES = "max.message.bytes"
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", TAKES: str(ROOM)}
MONTH = {"cleanup.policy": "delete", "retention.ms": str(30 * 24 * 3_600_000), TAKES: str(ROOM)}
COMPACTED = {"cleanup.policy": "compact"}
LETTERS = {**COMPACTED, TAKES: str(2 * ROOM)}  # the largest message, with reason and place
LATEST = {
    **COMPACTED,
    TAKES: str(ROOM),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.01",
}  # of one key the newest, and a while


class Topic(NamedTuple):
    """A topic as it must be. settings: what of Kafka's topic settings is ours to say."""

    name: str
    about: str
    partitions: int = PARTITIONS
    settings: Mapping[str, str] = FOR_EVER


LEADS = Topic("sales.lead.events.v1", "What happened to leads.")
OPPORTUNITIES = Topic("sales.opportunity.events.v1", "What happened to opportunities.")
CUSTOMERS = Topic("sales.customer.events.v1", "What happened to customers.")
PROCESSES = Topic("sales.process.events.v1", "Sales processes with their stages, and qualification frameworks.")
REFERENCE = Topic(
    "sales.reference.events.v1",
    "Quotas, rates, teams, the calendar, forecasts and how right they were, and the erasure of persons.",
)
POSITIONS = Topic(
    "sales.log.positions.v1",
    "Up to which position the log is published, with the offset that comes next in each partition.",
    1,
    LATEST,
)
INTAKE = Topic("sales.lead.intake.v1", "Leads from outside.", PARTITIONS, MONTH)

EVENT_TOPICS = (LEADS, OPPORTUNITIES, CUSTOMERS, PROCESSES, REFERENCE)
PUBLISHED = (*EVENT_TOPICS, POSITIONS)
TOPICS = (*PUBLISHED, INTAKE)

_OF_KIND = {"lead": LEADS, "opportunity": OPPORTUNITIES, "customer": CUSTOMERS} | dict.fromkeys(
    ("process", "framework"), PROCESSES
)
OF_KIND: dict[str, Topic] = {decider.kind: _OF_KIND.get(decider.kind, REFERENCE) for decider in DECIDERS}
"""The topic of each kind of stream."""


def topic_of(stream: str) -> Topic:
    """The topic that carries a stream's events."""
    return OF_KIND[kind(stream)]


def dead_letters(topic: str, group: str) -> Topic:
    """Where a group puts what it cannot use of a topic; a key without a value takes one out again."""
    about = f"What the group {group} could not use of {topic}."
    return Topic(f"{topic}.{group}.dlq", about, 1, LETTERS)
