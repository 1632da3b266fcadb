"""Tables made anew beside those that are read: killed and resumed, shared by processes, asked all the while."""

import itertools
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.store import Log, open_log
from infra.views import Views
from infra.views.building import alone
from infra.views.tables import LIVE, OLD, shape
from infra.views.workers import tables_at
from projections import PROJECTIONS
from projections.rows import opportunities
from projections.versions import END
from tests.projections.test_views import grow

ROOT = Path(__file__).parents[2]
DEALS, PART = 120, 12
NEWER = (opportunities.PROJECTION._replace(version=99), *PROJECTIONS[1:])

CHILD = """
import sys
from infra.store import open_log
from infra.views import Views

def told(count):
    print("events", count, flush=True)

if __name__ == "__main__":
    url, processes = sys.argv[1:]
    log = open_log(url)
    with Views.open(url, log) as views:
        print("open", flush=True)
        print("done", views.rebuild(int(processes), told, part=12), flush=True)
"""


def rebuilding(url: str, processes: int, script: Path) -> subprocess.Popen[str]:
    """A process that rebuilds, once it has opened the tables."""
    script.write_text(CHILD)
    child = subprocess.Popen(
        [sys.executable, str(script), url, str(processes)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def kill_and_resume(url: str, log: Log, script: Path, points: list[tuple[int, float, bool]]) -> None:
    """Kill rebuilds of so many processes after so many seconds, the last ones counted from when all parts are in."""
    grow(log, DEALS)
    with Views.open(url, log, clock=lambda: 0) as views:
        views.catch_up(far=END)
        asked, kept = views.ask("board"), views.digest()
        for processes, delay, at_the_end in points:
            child = rebuilding(url, processes, script)
            assert child.stdout is not None
            seen = 0
            while at_the_end and seen < log.head() and (line := child.stdout.readline()).startswith("events"):
                seen += int(line.split()[1])
            time.sleep(delay)
            child.kill()
            child.communicate()
            assert views.ask("board") == asked
            assert views.digest() == kept
        assert views.rebuild(part=PART) == log.head()
        assert (views.ask("board"), views.digest()) == (asked, kept)
        views.discard_old()
        assert [each.state for each, _ in views.generations()] == [LIVE]
        views.rebuild(part=PART)
        assert views.digest() == kept


@pytest.mark.slow
def test_a_rebuild_killed_at_any_point_goes_on_and_comes_to_the_same(log_url: str, log: Log, tmp_path: Path):
    random.seed(log_url)
    points = [
        (1, random.uniform(0, 0.3), False),
        (1, random.uniform(0, 0.05), True),
        (2, random.uniform(0.2, 2), False),
    ]
    kill_and_resume(log_url, log, tmp_path / "child.py", points)


@pytest.mark.soak
def test_a_rebuild_killed_at_fifty_points_goes_on_and_comes_to_the_same(log_url: str, log: Log, tmp_path: Path):
    early = [(1, random.uniform(0, 0.6), False) for _ in range(20)]
    late = [(1, random.uniform(0, 0.2), True) for _ in range(20)]
    shared = [(2, random.uniform(0, 4), False) for _ in range(10)]
    points = [*early, *late, *shared]
    random.shuffle(points)
    kill_and_resume(log_url, log, tmp_path / "child.py", points)


def test_what_a_killed_build_had_loaded_is_not_loaded_again(log_url: str, log: Log):
    grow(log, 30)
    heard: list[int] = []

    class Stopped(BaseException):
        pass

    def stop(count: int) -> None:
        heard.append(count)
        if len(heard) > 4:
            raise Stopped

    with Views.open(log_url, log) as views:
        with pytest.raises(Stopped):
            views.rebuild(1, stop, PART)
        loaded = sum(heard[:-1])  # the last part was undone
        heard.clear()
        views.rebuild(1, heard.append, PART)
        assert 0 < heard[0] == loaded
        assert sum(heard) == log.head()


@pytest.mark.slow
def test_several_processes_come_to_the_same_and_leave_nothing_behind(log_url: str, log: Log, tmp_path: Path):
    grow(log, 60)
    with Views.open(log_url, log) as views:
        views.catch_up(far=END)
        kept = views.digest()
        heard: list[int] = []
        assert views.rebuild(2, heard.append, PART) == log.head() == sum(heard)
        assert views.digest() == kept
        assert views.check(2, part=PART).equal
    assert not [path for path in tmp_path.iterdir() if "parcel" in path.name]


@pytest.mark.slow
def test_a_process_that_fails_ends_the_rebuild_which_goes_on_later(log_url: str, log: Log):
    grow(log, 20)
    with Views.open(log_url, log) as views:
        views.catch_up(far=END)
        kept = views.digest()
        broken = Views(tables_at(log_url), log, url="sqlite:////nowhere/at/all.db")
        with pytest.raises(Unavailable, match="a process of the rebuild"):
            broken.rebuild(2, part=PART)
        broken.close()
        assert views.rebuild(1, part=PART) == log.head()
        assert views.digest() == kept


def watch(url: str, folder: Path, name: str) -> list[tuple[int, int]]:
    """(position, deals) of the board, asked again and again until somebody says stop."""
    log = open_log(url)
    seen: list[tuple[int, int]] = []
    with Views.open(url, log) as views:
        while not (folder / "stop").exists():
            answer = views.ask("board")
            seen.append((answer.known_at, sum(row.deals for row in answer.records)))
            (folder / name).touch()
    log.close()
    return seen


@pytest.mark.slow
def test_answers_never_go_back_while_tables_are_built_swapped_and_discarded(log_url: str, log: Log, tmp_path: Path):
    grow(log, 40)
    names = "thread", "process"
    with (
        Views.open(log_url, log) as views,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as others,
        ThreadPoolExecutor(3) as threads,
    ):
        views.catch_up(far=END)
        both = zip((threads, others), names, strict=True)
        watching = [each.submit(watch, log_url, tmp_path, name) for each, name in both]
        try:
            while not all((tmp_path / name).exists() for name in names):
                time.sleep(0.05)
            following = threads.submit(lambda: [views.catch_up(3, END) for _ in range(60)])
            for step in range(4):
                grow(log, 10, first=40 + 10 * step)
                views.rebuild(part=PART)
                views.discard_old()
            following.result()
        finally:
            (tmp_path / "stop").touch()
        for each in watching:
            seen = each.result(timeout=60)
            assert seen == sorted(seen)
            assert seen[0][1] >= 40
            assert all(earlier[1] <= later[1] for earlier, later in itertools.pairwise(seen))
        views.catch_up(far=END)
        kept = views.digest()
        views.rebuild()
        assert views.digest() == kept


def test_two_rebuilds_at_once_are_one(log_url: str, log: Log):
    grow(log, 20)
    with Views.open(log_url, log) as views, Views.open(log_url, log) as others, ThreadPoolExecutor(2) as threads:
        views.rebuild()
        (before,) = [each.id for each, _ in views.generations() if each.state == LIVE]
        with alone(views._tables):  # type: ignore[attr-defined]
            both = [threads.submit(each.rebuild) for each in (views, others)]
            time.sleep(0.5)  # until both wait
            assert not any(each.done() for each in both)
        assert [each.result() for each in both] == [log.head()] * 2
        assert [(each.id, each.state) for each, _ in views.generations()] == [(before, OLD), (before + 1, LIVE)]


def test_old_tables_are_discarded_when_told_and_who_reads_them_reads_on(log_url: str, log: Log):
    grow(log, 10)
    with Views.open(log_url, log) as views, ThreadPoolExecutor(1) as threads:
        views.catch_up()
        with views._tables.reading(shape(PROJECTIONS)) as snapshot:  # type: ignore[attr-defined]
            before = snapshot.run("SELECT count(*) FROM opportunities")
            views.rebuild()
            assert [each.state for each, _ in views.generations()] == [OLD, LIVE]
            discarding = threads.submit(views.discard_old)
            time.sleep(0.3)
            assert views.ask("board").known_at == log.head()
            assert snapshot.run("SELECT count(*) FROM opportunities") == before
        assert [each.state for each in discarding.result(timeout=10)] == [OLD]
        assert [each.state for each, _ in views.generations()] == [LIVE]
        assert views.ask("board").known_at == log.head()


def test_tables_of_two_versions_of_the_software_stand_side_by_side(log_url: str, log: Log):
    grow(log, 10)
    with Views.open(log_url, log) as older, Views(tables_at(log_url), log, NEWER) as newer:
        older.catch_up()
        assert (newer.position(), older.position()) == (0, log.head())
        newer.rebuild()
        grow(log, 5, first=10)
        assert newer.catch_up() == log.head() > older.position()
        assert older.catch_up() == log.head()
        assert older.digest() == newer.digest()
        older.rebuild()  # the later one of two that are live takes nothing from the other
        assert newer.position() == log.head()
        assert {each.shape for each in newer.discard_old()} == {shape(PROJECTIONS)}
        assert newer.position() == log.head()


def test_a_writer_that_waits_for_a_swap_writes_to_the_tables_that_are_read_then(log_url: str, log: Log):
    grow(log, 10)
    with Views.open(log_url, log) as views, ThreadPoolExecutor(1) as threads:
        views.catch_up()
        with views._tables.locked() as catalog:  # type: ignore[attr-defined]
            grow(log, 5, first=10)
            waiting = threads.submit(views.catch_up)
            time.sleep(0.3)
            assert not waiting.done()
            assert catalog.live(shape(PROJECTIONS)) is not None
        assert waiting.result(timeout=10) == log.head() == views.position()


def test_reading_ones_own_writes_helps_the_tables_along(log_url: str, log: Log):
    with Views.open(log_url, log) as views, ThreadPoolExecutor(1) as threads:
        grow(log, 3)
        assert views.wait_for(log.head(), 5) == log.head()
        to_come = log.head() + 3
        waiting = threads.submit(views.wait_for, to_come, 10)
        grow(log, 1, first=3)
        assert waiting.result() == to_come


def test_who_waits_in_vain_is_told_where_the_tables_are(log_url: str, log: Log):
    with Views.open(log_url, log) as views, ThreadPoolExecutor(1) as threads:
        grow(log, 1)
        views.catch_up()
        with pytest.raises(Unavailable, match=r"at position 4 after 0\.2 s, not yet at 99"):
            views.wait_for(99, 0.2)
        grow(log, 1, first=1)
        with views._tables.locked():  # type: ignore[attr-defined]  # by somebody who takes too long
            waiting = threads.submit(views.wait_for, log.head(), 0.3)
            with pytest.raises(Unavailable):
                waiting.result(timeout=10)


def test_nobody_loses_their_tables_by_the_files_that_builds_leave(log_url: str, log: Log):
    grow(log, 5)
    with Views.open(log_url, log) as views:
        views.catch_up()
        with alone(views._tables), views._tables.locked() as catalog:  # type: ignore[attr-defined]
            catalog.add(shape(PROJECTIONS), "scratch", 0, 1)  # as a killed check leaves it
        views.rebuild()
        assert [each.state for each, _ in views.generations()] == [OLD, LIVE]
        assert views.check().equal


def test_tables_that_no_catalog_lists_are_not_taken_for_new_ones(sqlite_url: str, tmp_path: Path):
    log = open_log(sqlite_url)
    grow(log, 5)
    with Views.open(sqlite_url, log) as views:
        views.catch_up()
    for path in tmp_path.glob("log.db-views*"):
        if path.name.removeprefix("log.db-views").partition("-")[0] == "" and "-1" not in path.name:
            path.unlink()
    with Views.open(sqlite_url, log) as views:
        assert views.position() == 0
        views.catch_up(far=END)
        assert views.check().equal
    log.close()


def test_tables_whose_file_is_gone_are_made_again(sqlite_url: str, tmp_path: Path):
    log = open_log(sqlite_url)
    grow(log, 5)
    with Views.open(sqlite_url, log) as views:
        views.catch_up()
    for path in tmp_path.glob("log.db-views-1*"):
        path.unlink()
    with Views.open(sqlite_url, log) as views:
        assert views.catch_up(far=END) == log.head()
        assert views.check().equal
    log.close()
