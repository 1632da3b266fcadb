"""Many writers at once, in threads and in processes: nothing is lost, nothing is doubled."""

import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from domain.errors import Conflict, Forbidden
from infra.store import Log, open_log
from infra.store.group import GroupCommit
from infra.store.log import Answer, Append
from tests.store.drafts import added, drafted

THREADS, EACH = 8, 15
ROOT = Path(__file__).parents[2]

PROCESS = """
import sys
from tests.store.test_concurrency import work
work(*sys.argv[1:])
"""


def together(work: Callable[[int], None]) -> None:
    """Run in several threads; what any of them raises is raised here."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(THREADS)

    def run(thread: int) -> None:
        try:
            barrier.wait()
            work(thread)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def insisted(log: Log, stream: str, actor: str) -> None:
    """Append one fact to a stream that others append to as well."""
    while True:
        version = len(log.histories([stream]).get(stream, ())) + 1
        try:
            log.append(Append([drafted(stream, version, actor=actor)]))
            return
        except Conflict:
            continue


def work(url: str, stream: str, actor: str) -> None:
    """What one process does: appends to a stream of all, and to one of its own."""
    log = open_log(url)
    for step in range(1, EACH + 1):
        insisted(log, stream, actor)
        added(log, f"lead-of-{actor}", step)
    log.close()


def checked(log: Log, expected: int) -> None:
    """Each stream is contiguous, each position was given once, every reader finds the same."""
    page = log.page(0, 100_000)
    assert len(page) == expected
    assert [fact.position for fact in page] == sorted({fact.position for fact in page})
    versions: dict[str, list[int]] = {}
    for fact in page:
        versions.setdefault(fact.stream, []).append(fact.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    stamps = [past.recorded_at for past in log.recorded(0, 100_000)]
    assert stamps == sorted(stamps)
    scanned = [fact for shard in range(3) for facts in log.scan(log.head(), shard, 3) for fact in facts]
    assert sorted(fact.position for fact in scanned) == [fact.position for fact in page]


def test_eight_threads_on_one_stream_never_share_a_version(log: Log) -> None:
    together(lambda thread: [insisted(log, "lead-all", f"thread {thread}") for _ in range(EACH)] and None)
    checked(log, THREADS * EACH)
    by = Counter(past.actor for past in log.recorded(0, 100_000))
    assert set(by.values()) == {EACH}


def test_eight_threads_on_streams_of_their_own_do_not_disturb_each_other(log: Log) -> None:
    together(lambda thread: [added(log, f"lead-{thread}", step) for step in range(1, EACH + 1)] and None)
    checked(log, THREADS * EACH)


def test_two_processes_lose_and_double_nothing(log: Log, log_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", PROCESS, log_url, "lead-all", actor], cwd=ROOT)
        for actor in ("one", "two")
    ]
    assert [process.wait(50) for process in processes] == [0, 0]
    checked(log, 2 * 2 * EACH)
    assert Counter(past.actor for past in log.histories(["lead-all"])["lead-all"]) == {"one": EACH, "two": EACH}


def test_of_eight_who_answer_one_command_one_does(log: Log) -> None:
    won: list[int] = []

    def answer(thread: int) -> None:
        kept = {("ann", "c"): Answer(bytes([thread]), ((f"lead-{thread}", 1),))}
        try:
            log.append(Append([drafted(f"lead-{thread}", 1)], answers=kept))
            won.append(thread)
        except Conflict:
            pass

    together(answer)
    assert len(won) == 1
    assert log.answers([("ann", "c")])[("ann", "c")].digest == bytes(won)
    assert [fact.stream for fact in log.page(0, 99)] == [f"lead-{won[0]}"]


def test_a_reader_who_follows_the_log_sees_all_of_it_in_order(log: Log) -> None:
    seen: list[int] = []
    done = threading.Event()

    def follow() -> None:
        while True:
            over = done.is_set()
            page = log.page(seen[-1] if seen else 0, 7)
            seen.extend(fact.position for fact in page)
            if over and not page:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    together(lambda thread: [added(log, f"lead-{thread}", step) for step in range(1, EACH + 1)] and None)
    done.set()
    reader.join()
    assert seen == [fact.position for fact in log.page(0, 100_000)]


def test_a_failing_append_of_a_group_fails_alone(log: Log) -> None:
    added(log, "lead-taken", 1)

    def attempt(thread: int) -> None:
        for step in range(1, EACH + 1):
            if thread % 2:
                with pytest.raises(Conflict):
                    added(log, "lead-taken", 1)
                with pytest.raises((sqlite3.IntegrityError, Forbidden)):  # a key that no database stores
                    log.append(Append([drafted(f"lead-{thread}", 1)], keys={f"lead-{thread}": None}))  # type: ignore
            else:
                added(log, f"lead-{thread}", step)

    together(attempt)
    checked(log, 1 + THREADS // 2 * EACH)


# The group itself


def test_a_lone_request_is_written_at_once_in_its_own_thread() -> None:
    threads: list[int] = []

    def write(requests: Sequence[int]) -> list[int | Exception]:
        threads.append(threading.get_ident())
        return [request + 1 for request in requests]

    assert GroupCommit(write)(1) == 2
    assert threads == [threading.get_ident()]


def test_requests_that_come_during_a_write_share_the_next_one() -> None:
    groups: list[list[int]] = []
    others: list[threading.Thread] = []
    arrived: list[int] = []

    def write(requests: Sequence[int]) -> list[int | Exception]:
        groups.append(list(requests))
        if len(groups) == 1:
            for number in (1, 2, 3):
                others.append(threading.Thread(target=lambda number=number: arrived.append(group(number))))
                others[-1].start()
            while len(group._waiting) < 3:  # type: ignore[reportPrivateUsage]
                pass
        return [ValueError("two") if request == 9 else request * 10 for request in requests]

    group = GroupCommit(write)
    assert group(0) == 0
    for thread in others:
        thread.join()
    assert [sorted(requests) for requests in groups] == [[0], [1, 2, 3]]
    assert sorted(arrived) == [10, 20, 30]


def test_an_error_reaches_the_one_who_asked_and_nobody_waits_for_ever() -> None:
    def write(requests: Sequence[int]) -> list[int | Exception]:
        if 13 in requests:
            raise KeyboardInterrupt
        return [ValueError(str(request)) if request % 2 else request for request in requests]

    group = GroupCommit(write)
    assert group(2) == 2
    with pytest.raises(ValueError, match="3"):
        group(3)
    with pytest.raises(KeyboardInterrupt):
        group(13)
    assert group(4) == 4
