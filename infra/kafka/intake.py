"""Takes in messages one group at a time: each decided at least once, what cannot be used put aside with its reason.

A message that may succeed later holds up its own key and no other. Offsets are committed up to the lowest message that
is not settled: decided by the log, or acknowledged as a dead letter. So a restart reads some again, which the handler
must recognise.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from threading import Event
from typing import Any, Protocol

from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from consumers import lead_intake
from domain.errors import Conflict, Malformed, NotFound, PipelineError, Unavailable
from domain.recorded import Request
from infra.application.app import App
from infra.application.dispatch import Receipt
from infra.application.requests import parse
from infra.kafka.client import GroupConsumer, Listener, Partition, admin, committed, following, group_consumer, messages
from infra.kafka.dead_letters import LARGEST, LEAVING, reached, sending, written
from infra.kafka.envelope import Message, size
from infra.kafka.pending import Pending
from infra.kafka.topic_administration import ensure
from infra.kafka.topics import INTAKE, Topic, dead_letters
from infra.settings import Kafka

POLL = 200  # ms to wait for messages; what waits is looked at as often
AT_ONCE = 500  # messages of one poll, and of one append
CLAIM = 2000  # ms to wait for the offsets of partitions that became ours
HELD = 1000  # unsettled messages of a partition at which it is paused
TRYING = 1.0  # seconds spent on what failed before, until new messages are looked at

Handle = Callable[[Sequence[Message]], Sequence[PipelineError | None]]
"""Decides messages, in order: for each None where it is done, else why not. Never two of one key at once."""
Tell = Callable[[str], None]


def take_leads_in(app: App, group: str, stop: Event, tell: Tell) -> None:
    """Take leads in as a member of a group until told to stop. Raises NotFound without the topic, Unavailable."""
    handle = deciding(app, lambda message: lead_intake.request_of(message, parse), tell)
    Intake(app.settings.kafka, INTAKE, group, handle, tell).run(stop)


class Door(Protocol):
    """Who does what is asked: an App, or a Dispatcher."""

    def execute_all(self, requests: Sequence[Request]) -> list[Receipt | PipelineError]:
        """What became of each request."""
        ...


def deciding(door: Door, ask: Callable[[Message], Request], tell: Tell = lambda _: None) -> Handle:
    """Handles messages by asking what each stands for, all in one append; `tell` hears what those are warned of."""

    def handle(found: Sequence[Message]) -> list[PipelineError | None]:
        outcomes: list[PipelineError | None] = [None] * len(found)
        requests = dict[int, Request]()
        for place, message in enumerate(found):
            try:
                requests[place] = ask(message)
            except PipelineError as refusal:
                outcomes[place] = refusal
            except (ValueError, OverflowError, RecursionError) as error:
                outcomes[place] = unexpected(error)
        try:
            answers = door.execute_all(list(requests.values()))
        except Unavailable as error:  # of the whole append
            answers = [error] * len(requests)
        except (PipelineError, ValueError, OverflowError, RecursionError) as error:  # of one of them: nobody says which
            refusal = error if isinstance(error, PipelineError) else unexpected(error)
            answers = [refusal] if len(requests) == 1 else [handle([found[place]])[0] for place in requests]
        for place, answer in zip(requests, answers, strict=True):
            if answer is None or isinstance(answer, PipelineError):
                outcomes[place] = answer
                continue
            for warning in answer.warnings:
                tell(f"{answer.stream} is taken in: {warning}")
        return outcomes

    return handle


def unexpected(error: Exception) -> Malformed:
    """The refusal of a message that nobody foresaw; it holds up none that come after it."""
    return Malformed(f"the message cannot be used: {type(error).__name__}: {error}")


class Intake:
    """One member of a group that reads a topic."""

    def __init__(self, kafka: Kafka, topic: Topic, group: str, handle: Handle, tell: Tell) -> None:
        self.kafka, self.topic, self.group, self.handle, self.tell = kafka, topic, group, handle, tell
        self.dead = dead_letters(topic.name, group)
        self.parts: dict[Partition, Pending] = {}
        self.letters: list[tuple[Partition, Message, PipelineError, Any]] = []  # sent, not known to be acknowledged
        self.committed: dict[Partition, int] = {}

    def run(self, stop: Event) -> None:
        """Until told to stop; then what was sent is waited for, and the group left."""
        self.prepare()
        marks = Marks()
        with (
            reached(self.topic.name),
            sending(self.kafka) as sender,
            closing(group_consumer(self.kafka, self.group, max_poll_records=AT_ONCE)) as consumer,
        ):
            sender.partitions_for(self.dead.name)
            consumer.subscribe([self.topic.name], listener=marks)
            consumer.partitions_for_topic(self.topic.name)  # or who shares them out may find none to share
            while not stop.is_set():
                polled = consumer.poll(POLL)
                moved = marks.take()
                self.claim(consumer, moved, marks)
                self.take(polled, moved)
                self.work(sender)
                self.acknowledge(sender)
                self.hold(consumer)
                self.commit(consumer)
            self.leave(consumer, sender)

    def prepare(self) -> None:
        """See that the topic is there, and the one for dead letters."""
        with reached(self.dead.name), closing(admin(self.kafka)) as opened:
            control: Any = opened
            there = control.list_topics()
            if self.topic.name not in there:
                raise NotFound(
                    f"there is no topic {self.topic.name}, or we may not see it: dealtrail kafka topics apply"
                )
        if self.dead.name not in there:
            ensure(self.kafka, (self.dead,))

    def claim(self, consumer: GroupConsumer, moved: set[Partition], marks: "Marks") -> None:
        """Forget what was held of partitions that moved; read those that are ours now from where the group is."""
        if not moved:
            return
        for part in moved:
            self.parts.pop(part, None)
            self.committed.pop(part, None)
        self.letters = [letter for letter in self.letters if letter[0] not in moved]
        ours = moved & consumer.assignment()
        try:
            places = committed(consumer, ours, CLAIM)
        except KafkaTimeoutError:  # nothing is taken in of them until it is known
            marks.moved |= ours
            return
        for part in ours:
            with suppress(ValueError, KeyError, AssertionError):  # it moved on meanwhile, which is marked
                if part in places:
                    consumer.seek(part, places[part])
                else:
                    consumer.seek_to_beginning(part)
                self.parts[part] = Pending()

    def take(self, polled: Mapping[Partition, Sequence[Any]], moved: set[Partition]) -> None:
        """Queue what was polled, except of partitions whose place was set anew."""
        for part, found in polled.items():
            if part in self.parts and part not in moved:
                self.parts[part].add(messages(found))

    def work(self, sender: Any) -> None:
        """Decide what is new, together; then what failed before, one by one, so that none fails for another."""
        while fresh := [(part, message) for part, held in self.parts.items() for message in held.fresh()]:
            self.attempt(sender, fresh[:AT_ONCE])
        until = time.monotonic() + TRYING
        due = [(part, message) for part, held in self.parts.items() for message in held.due(until - TRYING)]
        for one in due:
            self.attempt(sender, [one])
            if time.monotonic() > until:
                break

    def attempt(self, sender: Any, tried: Sequence[tuple[Partition, Message]]) -> None:
        """Decide messages, of each key one."""
        outcomes = self.handle([message for _, message in tried])
        now = time.monotonic()
        for (part, message), outcome in zip(tried, outcomes, strict=True):
            held, place = self.parts[part], f"{message.topic}:{message.partition}:{message.offset}"
            if isinstance(outcome, Unavailable | Conflict):
                pause = held.fail(message, now)
                self.tell(f"{place} is tried again in {pause:g} s, its key waits: {outcome}")
                continue
            held.decide(message)
            if outcome is None:
                held.settle(message.offset)
                continue
            self.put_aside(sender, part, message, outcome)
            self.tell(f"{place} is put aside: {type(outcome).__name__}: {outcome}")

    def put_aside(
        self, sender: Any, part: Partition, message: Message, refusal: PipelineError, omit: bool = False
    ) -> None:
        """Send a dead letter; omit: without what the message held, which is also left out where it is too large."""
        key, value, headers = written(message, self.group, refusal, omit)
        if size(key, value, headers) > LARGEST:
            key, value, headers = written(message, self.group, refusal, omit=True)
        future = sender.send(self.dead.name, key=key, value=value, headers=headers)
        self.letters.append((part, message, refusal, future))

    def acknowledge(self, sender: Any) -> None:
        """Settle the messages whose dead letters the broker has. Raises what kept it from taking one."""
        sent, self.letters = self.letters, []
        for letter in sent:
            part, message, refusal, future = letter
            if not future.is_done:
                self.letters.append(letter)
            elif isinstance(future.exception, MessageSizeTooLargeError):  # the topic takes less than it should
                self.put_aside(sender, part, message, refusal, omit=True)
            elif future.failed():
                raise future.exception
            elif part in self.parts:
                self.parts[part].settle(message.offset)

    def hold(self, consumer: GroupConsumer) -> None:
        """Read no more of a partition of which too much is unsettled, until half of it is."""
        paused = consumer.paused()
        for part, held in self.parts.items():
            with suppress(ValueError, KeyError):  # it moved meanwhile, which is marked
                if len(held) >= HELD and part not in paused:
                    consumer.pause(part)
                elif len(held) <= HELD // 2 and part in paused:
                    consumer.resume(part)

    def commit(self, consumer: GroupConsumer) -> None:
        """Tell the group how far we are, without waiting; what fails is told again."""
        if offsets := self.offsets():
            self.committed |= {part: at.offset for part, at in offsets.items()}
            consumer.commit_async(offsets, callback=self.answered)

    def answered(self, offsets: Mapping[Partition, Any], answer: object) -> None:
        """Called by `poll`, in our own thread."""
        if isinstance(answer, Exception):
            for part in offsets:
                self.committed.pop(part, None)

    def offsets(self) -> dict[Partition, Any]:
        """What may be committed and is not."""
        found = {part: held.commit for part, held in self.parts.items()}
        return {part: following(at) for part, at in found.items() if at >= 0 and self.committed.get(part) != at}

    def leave(self, consumer: GroupConsumer, sender: Any) -> None:
        """Settle and commit what can be; whoever takes over reads the rest again."""
        with suppress(KafkaError):
            sender.flush(timeout=LEAVING)
            self.acknowledge(sender)
            if offsets := self.offsets():
                consumer.commit(offsets, timeout_ms=int(LEAVING * 1000))


class Marks(Listener):
    """Which partitions came or went. Called on the client's own thread, where nothing else can be done."""

    def __init__(self) -> None:
        self.moved: set[Partition] = set()

    def on_partitions_assigned(self, assigned: Sequence[Partition], /) -> None:
        """These are ours now."""
        self.moved.update(assigned)

    def on_partitions_revoked(self, revoked: Sequence[Partition], /) -> None:
        """These are not any more."""
        self.moved.update(revoked)

    def on_partitions_lost(self, lost: Sequence[Partition], /) -> None:
        """These have been somebody else's for a while."""
        self.moved.update(lost)

    def take(self) -> set[Partition]:
        """What moved since the last call."""
        return {self.moved.pop() for _ in range(len(self.moved))}
