"""The topics on a broker beside the topics as they must be: made where missing, their settings put right."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError
from msgspec import Struct

from domain.errors import Rejected, Unavailable
from infra.kafka.client import admin
from infra.kafka.topics import TAKES, TOPICS, Topic
from infra.settings import Kafka


class Difference(Struct, frozen=True, rename={"actual": "found"}):
    """Something about a topic that is not as it must be; what: partitions, replicas, or the name of a setting."""

    topic: str
    what: str
    wanted: str
    actual: str


class Layout(Struct, frozen=True):
    """What is not as it must be: the topics that are not there, and the differences of those that are."""

    missing: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def right(self) -> bool:
        """Whether nothing is to be done."""
        return not self.missing and not self.differences


def settings(topic: Topic, replicas: int) -> dict[str, str]:
    """The settings of a topic that are ours to say, for so many brokers that keep it."""
    return {**topic.settings, "min.insync.replicas": str(max(1, replicas - 1))}


def check(kafka: Kafka, topics: Iterable[Topic] = TOPICS) -> Layout:
    """How the broker's topics differ from what they must be. Raises Unavailable."""
    with _admin(kafka) as broker:
        return _examined(broker, kafka, tuple(topics))


def apply(kafka: Kafka, topics: Iterable[Topic] = TOPICS) -> Layout:
    """Create what is missing and put settings right; what was done, and what nobody but the operator can change.

    Raises Rejected, before anything is done, where a topic has another number of partitions: keys would move.
    """
    topics = tuple(topics)
    with _admin(kafka) as broker:
        found = _examined(broker, kafka, topics)
        _refuse_other_partitions(found)
        _create(broker, kafka, [topic for topic in topics if topic.name in found.missing])
        changed = [each for each in found.differences if each.what != "replicas"]
        for name in {each.topic for each in changed}:
            wanted = {each.what: each.wanted for each in changed if each.topic == name}
            broker.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, wanted)])
        return found


def ensure(kafka: Kafka, topics: Iterable[Topic] = TOPICS) -> None:
    """Create what is missing. Raises Rejected for a topic of other partitions, or that takes no large message."""
    topics = tuple(topics)
    with _admin(kafka) as broker:
        found = _examined(broker, kafka, topics)
        _refuse_other_partitions(found)
        _refuse_small_messages(found)
        _create(broker, kafka, [topic for topic in topics if topic.name in found.missing])


def _refuse_other_partitions(found: Layout) -> None:
    wrong = [each for each in found.differences if each.what == "partitions"]
    if wrong:
        told = "; ".join(f"{each.topic} has {each.actual}, not {each.wanted}" for each in wrong)
        raise Rejected(f"a number of partitions never changes, or keys would move to others: {told}")


def _refuse_small_messages(found: Layout) -> None:
    """What a relay or a consumer sends must fit; only the operator may alter topics."""
    small = [each for each in found.differences if each.what == TAKES and int(each.actual or 0) < int(each.wanted)]
    if small:
        named = "; ".join(f"{each.topic} takes {each.actual} bytes, not {each.wanted}" for each in small)
        raise Rejected(f"the largest messages do not fit ({TAKES}): {named}: dealtrail kafka topics apply")


def identifiers(kafka: Kafka, topics: Iterable[Topic]) -> dict[str, str]:
    """By name the id of each topic that is there, which one that is made anew does not have. Raises Unavailable.

    Raises Rejected where one has another number of partitions.
    """
    with _admin(kafka) as broker:
        there = set(broker.list_topics())
        wanted = {topic.name: topic.partitions for topic in topics if topic.name in there}
        described: Any = broker.describe_topics([*wanted]) if wanted else ()
    described = [each for each in described if each["partitions"]]  # not what was deleted meanwhile
    counts: dict[str, int] = {each["name"]: len(each["partitions"]) for each in described}
    moved = [
        Difference(name, "partitions", str(count), str(counts[name]))
        for name, count in wanted.items()
        if counts.get(name, count) != count
    ]
    _refuse_other_partitions(Layout((), tuple(moved)))
    return {each["name"]: str(each["topic_id"]) for each in described}


def _create(broker: Any, kafka: Kafka, topics: list[Topic]) -> None:
    if not topics:
        return
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": kafka.replicas,
            "configs": settings(topic, kafka.replicas),
        }
        for topic in topics
    }
    try:
        broker.create_topics(wanted)
    except TopicAlreadyExistsError:  # somebody else was at it just now: one by one, what is left
        for name, options in wanted.items():
            broker.create_topics({name: options}, raise_errors=False)
    broker.wait_for_topics(list(wanted))


def _examined(broker: Any, kafka: Kafka, topics: tuple[Topic, ...]) -> Layout:
    there = set(broker.list_topics())
    known = [topic for topic in topics if topic.name in there]
    if not known:
        return Layout(tuple(topic.name for topic in topics), ())
    described = {each["name"]: each["partitions"] for each in broker.describe_topics([topic.name for topic in known])}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in known]
    configured = broker.describe_configs(resources, config_filter="all")["topic"]
    differences: list[Difference] = []
    for topic in known:
        partitions = described[topic.name]
        copies = min(len(each["replica_nodes"]) for each in partitions)
        pairs = [
            ("partitions", str(topic.partitions), str(len(partitions))),
            ("replicas", str(kafka.replicas), str(copies)),
        ]
        for name, value in settings(topic, kafka.replicas).items():
            pairs.append((name, value, configured[topic.name].get(name, {}).get("value", "")))
        differences += [Difference(topic.name, what, wanted, found) for what, wanted, found in pairs if wanted != found]
    return Layout(tuple(topic.name for topic in topics if topic.name not in there), tuple(differences))


@contextmanager
def _admin(kafka: Kafka) -> Generator[Any]:
    broker: Any = admin(kafka)
    try:
        yield broker
    except KafkaError as error:
        raise Unavailable(f"the topics at {kafka.servers} cannot be looked after: {error}") from error
    finally:
        broker.close()
