"""Dead letters: messages that a group could not use, kept with the reason until somebody sends them again or not."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kafka.errors import KafkaError

from consumers.lead_intake import ID, SOURCE, identity
from domain.errors import Malformed, NotFound, PipelineError, Unavailable
from domain.recorded import instant, micros
from infra.kafka.client import Partition, producer, reader
from infra.kafka.envelope import Header, Message, rfc3339, size
from infra.kafka.topics import ROOM, Topic, dead_letters
from infra.settings import Kafka

PATIENCE = 30.0  # seconds without any progress after which the broker is given up
LEAVING = 10.0  # seconds to wait for what was sent and is not acknowledged
LARGEST = 2 * ROOM - 1000  # bytes of a letter with its frame, such as its topic takes without compressing it

TOPIC, PARTITION, OFFSET, GROUP = "dlq_topic", "dlq_partition", "dlq_offset", "dlq_group"
KIND, REASON, AT, NULLS, KEY = "dlq_kind", "dlq_reason", "dlq_at", "dlq_nulls", "dlq_key"
OMITTED = "dlq_omitted"
OURS = (TOPIC, PARTITION, OFFSET, GROUP, KIND, REASON, AT, NULLS, OMITTED, KEY)  # in this order, before the original's
LONGEST = 2000  # characters of a reason


class Letter(NamedTuple):
    """A dead letter: the message as it was, when and why it was refused. id: `<topic>:<partition>:<offset>`.

    omitted: how many bytes the message had, where it was too large for the topic of letters: then it is empty here.
    """

    id: str
    at: datetime
    kind: str
    reason: str
    message: Message
    omitted: int = 0


class Foreign(NamedTuple):
    """A record among the letters that is none of ours, by its own place: id `<topic>:<partition>:<offset>`."""

    id: str
    at: datetime
    topic: str
    partition: int
    offset: int
    key: bytes | None
    reason: str


def written(
    message: Message, group: str, refusal: PipelineError, omit: bool = False
) -> tuple[bytes, bytes, list[Header]]:
    """Key, value and headers of the letter about a message.

    The value is the original one. A letter without a value would take itself out of the topic: so what was null is
    named in a header, and the value is empty then. omit: say how large the message was in the place of what it held.
    """
    nulls = [name for name in ("key", "value") if getattr(message, name) is None]
    whole = size(message.key or b"", message.value or b"", [(name, value or b"") for name, value in message.headers])
    if omit:
        message = message._replace(key=b"", value=b"", headers=())
    ours = (
        message.topic, str(message.partition), str(message.offset), group, type(refusal).__name__,
        str(refusal)[:LONGEST], rfc3339(micros(datetime.now(UTC))).decode(), ",".join(nulls),
        str(whole) if omit else "",
    )  # fmt: skip
    headers: list[Header] = [(name, text.encode(errors="replace")) for name, text in zip(OURS[:-1], ours, strict=True)]
    identifier = f"{message.topic}:{message.partition}:{message.offset}".encode()
    theirs = ((name, value or b"") for name, value in message.headers)  # which our client sends no nulls in
    return identifier, message.value or b"", [*headers, (KEY, message.key or b""), *theirs]


def read(record: Any, topic: str) -> Letter | Foreign:
    """The letter about a message of a topic that a record holds, or the record as one that is none of ours."""
    given: list[Header] = list(record.headers)
    ours = {name: value or b"" for name, value in given[: len(OURS)]}
    try:
        at = datetime.fromisoformat(ours[AT].decode())
        nulls = ours[NULLS].decode().split(",")
        message = Message(
            ours[TOPIC].decode(), int(ours[PARTITION]), int(ours[OFFSET]),
            None if "key" in nulls else ours[KEY], None if "value" in nulls else record.value, given[len(OURS) :],
        )  # fmt: skip
        omitted = int(ours[OMITTED] or 0)
        letter = Letter(record.key.decode(), at, ours[KIND].decode(), ours[REASON].decode(), message, omitted)
        if letter.id != f"{topic}:{message.partition}:{message.offset}" or message.topic != topic:
            raise ValueError(f"its key and its headers name no one message of {topic}")
        return letter
    except KeyError as error:
        return foreign(record, f"it has no header {error.args[0]}")
    except (ValueError, AttributeError) as error:
        return foreign(record, str(error))


def foreign(record: Any, reason: str) -> Foreign:
    """A record that is no letter, with why."""
    at = instant(max(record.timestamp, 0) * 1000)
    place = (record.topic, record.partition, record.offset)
    return Foreign("{}:{}:{}".format(*place), at, *place, record.key, f"not one of ours: {reason}"[:LONGEST])


@contextmanager
def sending(kafka: Kafka) -> Generator[Any]:
    """A producer of letters, and of what was in them: as large as they come. Leaves after LEAVING at the latest.

    Not idempotent: such a one sends nothing more once the broker has refused a message, and letters may come twice.
    """
    sender: Any = producer(kafka, max_request_size=LARGEST, enable_idempotence=False, acks="all")
    try:
        yield sender
    finally:
        sender.let_go(LEAVING)


class DeadLetters:
    """The letters of a group about a topic. All of it raises Unavailable where the broker does not answer."""

    def __init__(self, kafka: Kafka, topic: Topic, group: str) -> None:
        self.kafka, self.origin, self.topic = kafka, topic.name, dead_letters(topic.name, group).name

    def letters(self) -> list[Letter]:
        """All letters that are there, by their place in the original topic; none where the topic does not exist."""
        return self.contents()[0]

    def contents(self) -> tuple[list[Letter], list[Foreign]]:
        """The letters, by their place in the original topic, and what else is among them, by its own place.

        A foreign record takes no letter's place, whatever key it has.
        """
        letters, others = dict[bytes, Letter](), list[Foreign]()
        part = Partition(self.topic, 0)
        with reached(self.topic), closing(reader(self.kafka)) as opened:
            consumer: Any = opened
            if 0 not in consumer.partitions_for_topic(self.topic):
                return [], []
            consumer.assign([part])
            end = consumer.end_offsets([part])[part]
            consumer.seek_to_beginning(part)
            while consumer.position(part) < end:
                records = consumer.poll(timeout_ms=int(PATIENCE * 1000)).get(part)
                if not records and consumer.position(part) < end:
                    raise Unavailable(f"{self.topic}: nothing came for {PATIENCE:.0f} s, before the end was reached")
                for record in records or ():
                    if record.value is None:
                        letters.pop(record.key, None)
                        others = [each for each in others if each.key != record.key]
                    elif isinstance(each := read(record, self.origin), Letter):
                        letters[record.key] = each
                    else:
                        others.append(each)
        return sorted(letters.values(), key=lambda letter: letter.message[:3]), others

    def chosen(self, letter: str | None, every: bool, tell: Callable[[str], None]) -> list[Letter]:
        """One letter, or all letters. Raises NotFound where there is none of that id, Malformed where neither is said.

        Raises Malformed also for a record that is no letter; of all, it is told of each such that it stays.
        """
        if (letter is None) == (not every):
            raise Malformed("letter: name one, or say that all are meant")
        letters, others = self.contents()
        if reason := next((each.reason for each in others if each.id == letter), ""):
            raise Malformed(f"letter: {letter} is {reason}")
        for each in others if every else ():
            tell(f"{each.id} is {each.reason}: it stays")
        found = [each for each in letters if every or each.id == letter]
        if not found and not every:
            raise NotFound(f"there is no letter {letter} in {self.topic}")
        return found

    def retry(self, letters: Sequence[Letter]) -> None:
        """Send the original messages to their topics again, each under the ids that it had, then drop the letters.

        Killed between the two, the letters are still there, and what was sent twice is answered as the first time.
        Raises Malformed, before anything is sent, where a message had neither key nor value: our client sends none.
        """
        for letter in letters:
            if letter.omitted:
                raise Malformed(
                    f"{letter.id}: its {letter.omitted} bytes were too many to be kept here: it cannot be sent again, "
                    "look for it in its topic or drop it"
                )
            if letter.message.key is None and letter.message.value is None:
                raise Malformed(f"{letter.id}: it has neither key nor value, and cannot be sent again: drop it")
        with reached(self.topic), sending(self.kafka) as sender:
            self._acknowledged(
                sender.send(m.topic, key=m.key, value=m.value, headers=with_identity(m))
                for m in (letter.message for letter in letters)
            )
            self._take_out(sender, letters)

    def drop(self, letters: Sequence[Letter]) -> None:
        """Take letters out for good."""
        with reached(self.topic), sending(self.kafka) as sender:
            self._take_out(sender, letters)

    def _take_out(self, sender: Any, letters: Sequence[Letter]) -> None:
        self._acknowledged(sender.send(self.topic, key=letter.id.encode(), value=None) for letter in letters)

    def _acknowledged(self, futures: Iterable[Any]) -> None:
        """Wait until the broker has all that was sent."""
        for future in list(futures):
            future.get(timeout=PATIENCE)


def with_identity(message: Message) -> list[Header]:
    """The headers of a message with the id and source by which its redelivery is known, where it could have any."""
    headers: list[Header] = list(message.headers)
    try:
        origin = identity(message)
    except Malformed:
        return headers
    rest = [(name, value) for name, value in headers if name not in (SOURCE, ID)]
    return [*rest, (SOURCE, origin.source.encode()), (ID, origin.id.encode())]


@contextmanager
def reached(topic: str) -> Generator[None]:
    """What the client raises, in our own terms."""
    try:
        yield
    except KafkaError as error:
        raise Unavailable(f"{topic}: {str(error) or type(error).__name__}") from error
