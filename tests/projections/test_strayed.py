"""Tables beside a log that is not theirs: a backup that was put back, and another log in its place."""

from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.store import Log, open_log
from infra.views import Views
from infra.views.tables import LIVE, OLD, Astray
from infra.views.workers import tables_at
from projections.versions import END
from tests.projections.test_views import grow
from tests.store.damage import damage


def put_back(url: str, position: int) -> None:
    """The log as a backup has it that was made at a position; the next event gets a position already used."""
    sequence = (
        f"UPDATE sqlite_sequence SET seq = {position} WHERE name = 'stored_events'"
        if url.startswith("sqlite")
        else f"SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), {position})"
    )
    damage(url, f"DELETE FROM stored_events WHERE notification_id > {position}", sequence)


@pytest.mark.parametrize("later", [0, 3, 20], ids=["as it was", "grown to where it was", "grown past the tables"])
def test_tables_newer_than_a_backup_are_never_served_and_made_anew(log_url: str, log: Log, later: int):
    grow(log, 10)
    with Views.open(log_url, log) as views:
        views.catch_up()
    position = log.head() - 9
    put_back(log_url, position)
    grow(log, later, first=100)
    heard: list[str] = []
    with Views.open(log_url, log, heard.append) as views:
        assert "which it has not any more" in views.strayed()
        for ask in (lambda: views.ask("board"), views.position, views.digest, views.check, views.retry):
            with pytest.raises(Astray, match="makes them anew"):
                ask()
        assert views.catch_up() == log.head()
        assert len(heard) == 1 and "which it has not any more" in heard[0]
        assert sum(row.deals for row in views.ask("board").records) == 7 + later
        assert (views.check().equal, views.strayed()) == (True, "")
        assert [each.state for each, _ in views.generations()] == [OLD, LIVE]


def test_an_empty_log_does_not_take_over_the_tables_of_another_one(log_url: str, log: Log, tmp_path: Path):
    grow(log, 5)
    with Views.open(log_url, log) as views:
        views.catch_up()
    other = open_log(f"sqlite:///{tmp_path / 'other.db'}")
    with Views(tables_at(log_url), other) as views:
        assert "another log" in views.strayed()
        assert views.catch_up() == 0
        assert views.ask("board").records == []
        assert views.strayed() == ""
    other.close()


def test_what_another_log_had_begun_to_build_is_not_gone_on_with(log_url: str, log: Log, tmp_path: Path):
    grow(log, 20)
    with Views.open(log_url, log) as views:

        def stop(_: int) -> None:
            raise Unavailable("enough")

        with pytest.raises(Unavailable, match="enough"):
            views.rebuild(1, stop, 12)
    other = open_log(f"sqlite:///{tmp_path / 'other.db'}")
    grow(other, 20, first=50)
    with Views(tables_at(log_url), other) as views:
        views.rebuild(part=12)
        assert views.check().equal
    other.close()


def test_where_tables_stand_is_looked_up_once_not_with_each_question(log_url: str, log: Log):
    looked: list[int] = []

    class Counting:
        def __init__(self, log: Log) -> None:
            self.log = log

        def tolerant(self) -> "Counting":
            return Counting(self.log.tolerant())  # type: ignore[arg-type]

        def event_id_at(self, position: int) -> str:
            looked.append(position)
            return self.log.event_id_at(position)

        def __getattr__(self, name: str):
            return getattr(self.log, name)

    grow(log, 5)
    with Views(tables_at(log_url), Counting(log)) as views:  # type: ignore[arg-type]
        views.catch_up(far=END)
        views.ask("board")
        looked.clear()
        for _ in range(5):
            views.catch_up()
            views.ask("board")
    assert looked == []
