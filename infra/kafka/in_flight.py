"""What was sent and is not acknowledged yet: bounded, in the order of the log, every acknowledgement looked at."""

import time
from collections import deque
from contextlib import suppress
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError

from domain.errors import Unavailable
from infra.kafka.checkpoint import Offsets
from infra.kafka.client import Producer, answers
from infra.kafka.envelope import Header
from infra.settings import Kafka

RECORDS = 4000  # in flight at most; kafka-python 3.0 bounds no memory itself
BYTES = 32 << 20  # of values in flight at most
PATIENCE = 120.0  # seconds without an acknowledgement, while the brokers answer, until the client counts as stuck
PROBE = 1.0  # seconds between two looks at whether they answer
PROBE_TIMEOUT = 0.3  # seconds


class InFlight:
    """Sends messages of growing positions, and knows up to which position all are acknowledged.

    offsets is kept up to date with every acknowledgement. A message that fails stops all sending at once, so that no
    later one of its stream overtakes it, and is told by the next call: whoever sends starts anew from what it kept.
    """

    away: bool = False
    """Whether messages are under way and no broker answers."""

    def __init__(
        self, kafka: Kafka, producer: Producer, position: int, offsets: Offsets, patience: float = PATIENCE
    ) -> None:
        self.position, self.offsets, self.acknowledged = position, offsets, 0
        self._servers = [server.strip() for server in kafka.servers.split(",")]
        self._producer, self._patience = producer, patience
        self._sent: deque[tuple[int, int, Any]] = deque()
        self._bytes = 0
        self._failure = ""
        self._looked, self._stuck, self._seen = time.monotonic(), 0.0, 0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def failed(self) -> bool:
        """Whether a message failed; settle() tells which and why."""
        return bool(self._failure)

    @property
    def room(self) -> bool:
        """Whether another message may be sent."""
        return len(self._sent) < RECORDS and self._bytes < BYTES

    def send(
        self, position: int, topic: str, partition: int, key: bytes, value: bytes, headers: list[Header] | None = None
    ) -> bool:
        """Send a message; False where the broker does not know the topic just now. Raises Unavailable."""
        try:
            future: Any = self._producer.send(topic, value, key, headers, partition)
        except KafkaTimeoutError:  # it is starting, and has not found its topics yet
            return False
        except KafkaError as error:
            raise Unavailable(self._failure or self._failure_text(topic, error)) from error
        future.add_errback(self._failed)
        self._sent.append((position, len(value), future))
        self._bytes += len(value)
        return True

    def skip(self, position: int) -> None:
        """Send nothing for a position, which is done once all before it are."""
        self._sent.append((position, 0, None))

    def settle(self) -> None:
        """Take in what was acknowledged. Raises Unavailable where a message failed, or the client is stuck."""
        sent, offsets = self._sent, self.offsets
        while sent:
            position, size, future = sent[0]
            if future is None:
                sent.popleft()
                self.position = position
                continue
            if not future.is_done:
                break
            if future.exception is not None:
                raise Unavailable(self._failure or self._failure_text("a topic", future.exception))
            topic, partition, _, offset = future.value[:4]
            if offset < 0:
                raise Unavailable(f"{topic}, partition {partition}: the broker did not say where a message went")
            offsets.setdefault(topic, {})[partition] = offset + 1
            sent.popleft()
            self._bytes -= size
            self.position = position
            self.acknowledged += 1
        now = time.monotonic()
        if now - self._looked >= PROBE:
            self._watch(now)

    def wait(self, timeout: float) -> None:
        """Until the first message is acknowledged, or so many seconds are over."""
        if self._sent and self._sent[0][2] is not None:
            with suppress(KafkaError):  # settle() tells
                self._sent[0][2].get(timeout=timeout)

    def _watch(self, now: float) -> None:
        """Tell a stuck client from a broker that is away: only while one answers does the time count."""
        elapsed, self._looked = min(now - self._looked, 2 * PROBE), now  # we may have stood still ourselves
        if not self._sent or self.acknowledged != self._seen:
            self._seen, self._stuck, self.away = self.acknowledged, 0.0, False
        elif any(answers(server, PROBE_TIMEOUT) for server in self._servers):
            self._stuck += elapsed
        else:
            self._stuck, self.away = 0.0, True
        if self._stuck >= self._patience:
            raise Unavailable(
                f"{', '.join(self._servers)}: {len(self._sent)} messages are under way and none was acknowledged for "
                f"{self._stuck:.0f} seconds, though the broker answers"
            )

    def _failed(self, error: Exception) -> None:
        """Called on the client's thread before it sends anything else."""
        self._failure = self._failure or self._failure_text("a message", error)
        self._producer.abandon()

    def _failure_text(self, what: str, error: Exception) -> str:
        return f"{what} could not be sent to {', '.join(self._servers)}: {type(error).__name__}: {error}"
