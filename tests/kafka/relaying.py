"""Relays as real processes, and what readers of the topics find afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from kafka import TopicPartition

from infra.kafka.client import messages, reader
from infra.kafka.envelope import Message, headers
from infra.kafka.topics import EVENT_TOPICS, POSITIONS, Topic, topic_of
from infra.kafka.watermark import Watermark
from infra.settings import Kafka
from infra.store import Log
from infra.store.leases import standing_at
from tests.cli.program import ENTRY, ROOT

HASTY = """
import sys
import infra.store.leases as leases
leases.EXPIRY = 2
from infra.cli import main
main(sys.argv[1:])
"""
"""The program, with leases that expire sooner."""
PATIENCE = 60.0  # seconds for what takes one on a quiet machine


def until(done: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
    """Wait for something: how long it took, in seconds."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() < started + patience, f"waited {patience:.0f} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - started


class Publishing:
    """`dealtrail publish` in a process of its own, at most one of these; started again where it ended."""

    def __init__(self, url: str, servers: str, folder: Path, *arguments: str, entry: str = ENTRY) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
        env |= {"PYTHONPATH": str(ROOT), "DEALTRAIL_DB": url, "DEALTRAIL_KAFKA_SERVERS": servers}
        self._env = env | {"DEALTRAIL_KEY_FILE": str(folder / "key")}
        self._command = [sys.executable, "-c", entry, "publish", *arguments]
        self._folder, self._errors = folder, folder / f"publish-{id(self)}.log"
        self.start()

    def __enter__(self) -> "Publishing":
        return self

    def __exit__(self, *failure: object) -> None:
        self.kill()

    def start(self) -> None:
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def kept_alive(self) -> bool:
        """Start it again where it has ended; whether it had."""
        if ended := self.process.poll() is not None:
            self.kill()
            self.start()
        return ended

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate()

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> tuple[int, str]:
        """SIGTERM: the exit code and stdout."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out

    def errors(self) -> str:
        return self._errors.read_text()

    def resident(self) -> int:
        """Bytes of memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0


def checkpoint(url: str) -> int:
    """Up to which position the relay's checkpoint says that all is published."""
    found = standing_at(url, "relay")
    return found.position if found else 0


def caught_up(url: str, log: Log) -> Callable[[], bool]:
    """Whether all of the log is published."""
    return lambda: checkpoint(url) >= log.head()


def read(kafka: Kafka, *topics: Topic) -> Iterator[Message]:
    """All that stands in some topics now, in order per partition."""
    consumer: Any = reader(kafka)
    try:
        parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for found in consumer.poll(500).values():
                yield from messages(found)
    finally:
        consumer.close()


def watermarks(kafka: Kafka) -> list[Watermark]:
    """All that were ever told."""
    return [msgspec.json.decode(each.value or b"", type=Watermark) for each in read(kafka, POSITIONS)]


def repeats(kafka: Kafka, log: Log) -> int:
    """How many messages came again; checks that otherwise each event is there, as stored, in order per stream."""
    stored = {f"{row[1]}:{row[2]}": row for row in log.stored_after(0, 10_000_000)}
    versions: defaultdict[str, int] = defaultdict(int)
    again = 0
    for message in read(kafka, *EVENT_TOPICS):
        found = dict(message.headers)
        name = found["ce_id"].decode()
        stream, _, version = name.rpartition(":")
        row = stored[name]
        assert message.topic == topic_of(stream).name
        assert message.key == stream.encode()
        assert message.value == row[16]
        assert found == dict(headers(row, b"/dealtrail"))
        if int(version) <= versions[stream]:
            again += 1
            continue
        assert int(version) == versions[stream] + 1, f"{stream}: {version} came after {versions[stream]}"
        versions[stream] = int(version)
    assert sum(versions.values()) == len(stored)
    return again


def document(out: str) -> Any:
    """What `--json` answered."""
    return json.loads(out)
