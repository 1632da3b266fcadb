"""Looks, while a process runs, whether the topics are still those that it began with."""

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager

from domain.errors import PipelineError, Rejected, Unavailable
from infra.kafka.topic_administration import identifiers
from infra.kafka.topics import Topic
from infra.settings import Kafka

LOOK = 2.0  # seconds between two looks
GONE = 2  # looks in which a topic is missing until it counts as deleted: a broker on its way up may not know it yet

Refuse = Callable[[Mapping[str, str]], None]
"""Compares topics, by name the id of each, with those of before; raises Rejected where they are others."""


class TopicWatch:
    """What a thread of its own sees of the topics; refused in the thread that asks, with what refuses it at a start."""

    def __init__(self, kafka: Kafka, topics: Iterable[Topic], seen: Mapping[str, str], refuse: Refuse) -> None:
        self._kafka, self._topics, self._refuse = kafka, tuple(topics), refuse
        self._seen, self._missed = dict(seen), 0
        self._changed: Mapping[str, str] | None = None
        self._failure: PipelineError | None = None

    def check(self) -> None:
        """Raises Rejected where topics were deleted, made anew or given other partitions since."""
        if failure := self._failure:
            raise failure
        if (changed := self._changed) is not None:
            self._refuse(changed)
            if self._changed is changed:
                self._changed = None

    def look(self, misses: int = GONE) -> None:
        """Ask the broker once. A topic that is missing for so many looks has no id. Raises Unavailable."""
        there = identifiers(self._kafka, self._topics)
        gone = self._seen.keys() - there.keys()
        self._missed = self._missed + 1 if gone else 0
        now = there | {name: "" if self._missed >= misses else self._seen[name] for name in gone}
        if now != self._seen:
            self._seen, self._changed = now, now

    def follow(self, stop: threading.Event) -> None:
        """Look again and again, until told to stop; a broker that does not answer says nothing about its topics."""
        while not stop.wait(LOOK):
            try:
                self.look()
            except Unavailable:
                continue
            except Rejected as error:
                self._failure = error
                return


@contextmanager
def watching(watch: TopicWatch) -> Generator[None]:
    """Look for as long as the context lasts.

    Raises Rejected in the place of Unavailable where topics are not those of before: that is why.
    """
    stop = threading.Event()
    thread = threading.Thread(target=watch.follow, args=(stop,), daemon=True, name="topic watch")
    thread.start()
    try:
        yield
    except Unavailable as error:
        try:
            watch.look(misses=1)
        except Unavailable:
            raise error from None
        watch.check()
        raise
    finally:
        stop.set()
        thread.join(LOOK)
