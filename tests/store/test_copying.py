"""A copy of a log is the log up to a position, event by event as it is stored, on either database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.errors import Malformed, Rejected, Unavailable
from infra.application.digests import content_digest, events_digest
from infra.privacy.vault import KeyFile, Vault
from infra.store import Log, copying, open_log
from infra.store.copying import Copied, copy
from infra.store.log import DIGESTS, ERASED, INDEX, MASTER, Answer, Append
from tests.cli.program import ROOT
from tests.conftest import POSTGRESQL, located
from tests.store.drafts import added, drafted, erasure

ANSWER = Answer(b"digest", (("lead-1", 1), ("lead-1", 2)))


@pytest.fixture(params=["sqlite", POSTGRESQL])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a place for a new log, once on each database, whatever the source is on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"dealtrail_copy_{os.urandom(8).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        yield located(server, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def new(new_url: str) -> Iterator[Log]:
    opened = open_log(new_url)
    yield opened
    opened.close()


@pytest.fixture
def told(log: Log) -> Log:
    """Two appends of two facts, answered; then one of one; odd texts; a position that no event has."""
    log.append(
        Append(
            [drafted("lead-1", version, command_id="c-1") for version in (1, 2)],
            answers={("ann", "c-1"): ANSWER, ("ann", "nothing-came-of-it"): Answer(b"", ())},
        )
    )
    added(log, "lead-2", 1)
    odd = drafted("lead-é\U0001f600", 1, reason='"\n\t\\x', on_behalf_of="\x1f", source_id="\\N", command_id="c-2")
    log.append(Append([odd], answers={("ann", "c-2"): Answer(b"\x00\xff", ((odd.stream, 1),))}))
    return log


def rows(log: Log) -> list[tuple[object, ...]]:
    return [tuple(row) for row in log.stored(2**62)]


def test_a_copy_holds_every_event_as_it_is_stored_and_goes_on_after_it(told: Log, new_url: str, new: Log):
    head = told.head()
    heard = list[int]()
    assert copy(told, new_url, head, tell=heard.append) == Copied(4, 2, 0)
    assert heard[-1] == head
    assert rows(new) == rows(told)
    assert events_digest(new, head) == events_digest(told, head)
    assert new.answers([("ann", "c-1"), ("ann", "c-2")]) == told.answers([("ann", "c-1"), ("ann", "c-2")])
    assert new.answers([("ann", "nothing-came-of-it")]) == {}
    before = new.recorded(head - 1, 1)[0].recorded_at
    assert added(new, "lead-2", 2)[0] > head
    assert new.recorded(head, 1)[0].recorded_at >= before


def test_a_copy_ends_where_it_is_told_to_also_within_an_append(told: Log, new_url: str, new: Log):
    first = told.recorded(0, 1)[0].position
    assert copy(told, new_url, first) == Copied(1, 0, 0)
    assert rows(new) == rows(told)[:1]
    assert new.answers([("ann", "c-1")]) == {}


def test_gaps_in_the_positions_stay(told: Log, new_url: str, new: Log, tmp_path: Path):
    with copying.target(new_url) as gaps:
        spread = [(*row[:3], row[3] * 10, *row[4:]) for row in told.stored(told.head())]
        gaps.add("events", copying.EVENTS, spread)
    third = f"sqlite:///{tmp_path / 'third.db'}"
    copy(new, third, new.head())
    copied = open_log(third)
    assert [row[3] for row in rows(copied)] == [row[3] for row in spread]
    assert added(copied, "lead-9", 1)[0] > spread[-1][3]
    assert added(new, "lead-9", 1)[0] > spread[-1][3]
    copied.close()


def test_an_empty_log_has_an_empty_copy(log: Log, new_url: str, new: Log):
    assert copy(log, new_url, 0) == Copied(0, 0, 0)
    assert added(new, "lead-1", 1)


def test_a_log_that_holds_anything_is_refused(told: Log, new_url: str, new: Log):
    new.append(Append([], keys={"lead-9": b"k"}))
    with pytest.raises(Rejected, match="holds a log already: a copy goes into a new one"):
        copy(told, new_url, told.head())
    assert rows(new) == []
    copied = rows(told)
    with pytest.raises(Rejected):
        copy(new, new_url, 0)
    assert rows(told) == copied


def test_where_no_log_can_be_is_said(told: Log, tmp_path: Path):
    with pytest.raises(Malformed):
        copy(told, "mysql://x", 1)
    with pytest.raises(Unavailable):
        copy(told, f"sqlite:///{tmp_path}/nowhere/new.db", 1)


KEYS = {
    "lead-1": b"one", "lead-2": b"two", "lead-later": b"later", INDEX: b"index", MASTER: b"master", DIGESTS: b"digests",
}  # fmt: skip


@pytest.mark.parametrize(
    ("with_keys", "copied", "kept"),
    [
        (False, 0, {"lead-2": ERASED, INDEX: ERASED, DIGESTS: ERASED}),
        (True, 1, {"lead-1": b"one", "lead-2": ERASED, INDEX: ERASED, MASTER: b"master", DIGESTS: b"digests"}),
    ],
)
def test_keys_come_along_only_when_asked_for_and_erasures_always(
    told: Log, new_url: str, new: Log, with_keys: bool, copied: int, kept: dict[str, bytes]
):
    upto = told.head()
    told.append(Append([drafted("lead-later", 1)], keys=KEYS, tokens=[(b"token", "lead-1")]))
    told.append(Append([erasure("lead-2")], erase=["lead-2"]))
    assert copy(told, new_url, upto, with_keys).keys == copied
    assert new.keys([*KEYS]) == kept
    assert new.subjects_of_token(b"token") == []


def test_what_is_erased_stays_erased_in_the_copy(told: Log, new_url: str, new: Log, tmp_path: Path):
    vault = Vault(KeyFile(tmp_path / "key", told.identity), told.keys)
    sealed = vault.seal_text("lead-2", "reason", "lead-2", "a friend")
    told.append(Append([drafted("lead-2", 2, reason=sealed)], keys=vault.take_fresh()))
    told.append(Append([erasure("lead-2")], erase=["lead-2"]))
    copy(told, new_url, told.head(), with_keys=True)
    assert Vault(KeyFile(tmp_path / "key", new.identity), new.keys).open_text("lead-2", "reason", sealed) == "[erased]"


def test_facts_say_the_same_in_a_copy(told: Log, new_url: str, new: Log, tmp_path: Path):
    copy(told, new_url, told.head())
    vaults = [Vault(KeyFile(tmp_path / "key", log.identity), log.keys) for log in (told, new)]
    digests = [content_digest(log, vault, log.head()) for log, vault in zip((told, new), vaults, strict=True)]
    assert digests[0] == digests[1]
    assert digests[0][0] == 4


def test_the_digest_of_events_sees_everything_that_is_stored(log: Log):
    draft = drafted("lead-1", 1)
    log.append(Append([draft]))
    (row,) = log.stored(log.head())
    count, found = events_digest(log, log.head())
    assert count == 1

    class Altered:
        def __init__(self, index: int) -> None:
            self.row = [*row[:index], "other", *row[index + 1 :]]

        def stored(self, upto: int) -> Iterator[list[object]]:
            yield self.row

    others = {events_digest(Altered(index), 1)[1] for index in range(len(row))}  # type: ignore[arg-type]
    assert len(others) == len(row)
    assert found not in others


KILLED = """
import os, signal, sys
from infra.store import copying, open_log
copying.PAGE = 10
def tell(position):
    if position > 150:
        os.kill(os.getpid(), signal.SIGKILL)
source = open_log(sys.argv[1])
copying.copy(source, sys.argv[2], source.head(), tell=tell)
"""


def test_a_copy_that_is_killed_leaves_an_empty_log_and_can_be_made_again(log: Log, log_url: str, new_url: str):
    for number in range(100):
        added(log, f"lead-{number}", 1, 2, 3)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, log_url, new_url], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    broken = open_log(new_url)
    assert rows(broken) == []
    broken.close()
    assert copy(log, new_url, log.head()) == Copied(300, 0, 0)
    again = open_log(new_url)
    assert rows(again) == rows(log)
    again.close()
