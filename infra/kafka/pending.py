"""What of a partition has been read and is not settled yet: who waits for whom, until when, what may be committed."""

from collections import deque
from collections.abc import Iterable

from infra.kafka.envelope import Message

FIRST, LONGEST = 0.2, 30.0  # seconds that a key waits after its first failure, and at the most

Key = bytes | int


def key_of(message: Message) -> Key:
    """What shares an order: the key, or, where there is none, the message alone."""
    return message.offset if message.key is None else message.key


class Pending:
    """The unsettled messages of one partition, in queues by key.

    Only the head of a queue is tried. One that failed holds up its own key: it is tried again after a pause that
    doubles each time. Settled means that the message never needs to be read again.
    """

    def __init__(self) -> None:
        self._next = -1  # the offset after the last message read; -1 before the first
        self._offsets: dict[int, None] = {}  # of all that is not settled, ascending
        self._queues: dict[Key, deque[Message]] = {}
        self._fresh: dict[Key, None] = {}  # whose head was not tried yet
        self._waits: dict[Key, tuple[float, float]] = {}  # whose head was: when it is tried again, and the pause

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def commit(self) -> int:
        """The lowest offset that must be read again after a restart; -1 where nothing was read yet."""
        return next(iter(self._offsets), self._next)

    def add(self, messages: Iterable[Message]) -> None:
        """Queue what was read."""
        for message in messages:
            self._offsets[message.offset] = None
            self._next = message.offset + 1
            key = key_of(message)
            if key not in self._queues:
                self._queues[key] = deque()
                self._fresh[key] = None
            self._queues[key].append(message)

    def fresh(self) -> list[Message]:
        """The heads that were never tried."""
        return [self._queues[key][0] for key in self._fresh]

    def due(self, now: float) -> list[Message]:
        """The heads that failed and whose pause is over."""
        return [self._queues[key][0] for key, (at, _) in self._waits.items() if at <= now]

    def fail(self, message: Message, now: float) -> float:
        """Have the key of a head wait; for how many seconds."""
        key = key_of(message)
        _, before = self._waits.get(key, (0, FIRST / 2))
        pause = min(2 * before, LONGEST)
        self._fresh.pop(key, None)
        self._waits[key] = (now + pause, pause)
        return pause

    def decide(self, message: Message) -> None:
        """Take a head out of its queue, so that its key goes on; it still has to be settled."""
        key = key_of(message)
        self._waits.pop(key, None)
        self._queues[key].popleft()
        if self._queues[key]:
            self._fresh[key] = None
        else:
            self._fresh.pop(key, None)
            del self._queues[key]

    def settle(self, offset: int) -> None:
        """Never ask for this message again."""
        self._offsets.pop(offset, None)
