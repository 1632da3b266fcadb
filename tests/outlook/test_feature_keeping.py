"""Files of features and labels are kept as the log makes them: anew after each week, or where something came late."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyarrow import parquet

from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity
from domain.recorded import Request, micros
from domain.reference.calendar import SetCalendar
from infra.application.app import App, opened
from infra.application.feature_files import Features, export_features
from infra.application.feature_keeping import Keeper
from infra.settings import Settings

FILES = ("features.parquet", "labels.parquet")
MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)


class Desk(NamedTuple):
    """A log whose clock the test sets, and the folder that is kept."""

    app: App
    time: list[datetime]
    folder: Path

    def tell(self, stream: str, command: Any, occurred: datetime | None = None, **after: float) -> None:
        self.time[0] += timedelta(**after)
        self.app.execute(Request(stream=stream, command=command, actor="ann", occurred_at=occurred))

    def days(self) -> list[date]:
        """The days that are in the features."""
        return sorted(set(parquet.read_table(self.folder / FILES[0]).column("as_of").to_pylist()))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    time = [MONDAY]
    settings = Settings(db=f"sqlite:///{tmp_path}/a.db", key_file=str(tmp_path / "key"))
    (tmp_path / "kept").mkdir()
    with opened(settings, lambda: micros(time[0])) as app:
        yield Desk(app, time, tmp_path / "kept")


def equal(desk: Desk, written: Features | None) -> bool:
    """Whether the files that are kept are those that the log makes at the position that they were written at."""
    assert written is not None
    beside = desk.folder.parent / "beside"
    beside.mkdir(exist_ok=True)
    export_features(desk.app, beside, upto=written.position)
    return all((desk.folder / name).read_bytes() == (beside / name).read_bytes() for name in FILES)


def deal() -> OpenOpportunity:
    return OpenOpportunity("process-standard", Money(Decimal(100), "EUR"))


def test_files_are_written_when_a_week_is_over_and_when_something_came_late(desk: Desk):
    now = [0.0]
    keeper = Keeper(desk.app, desk.folder, "week", pause=60)

    def look() -> Features | None:
        return keeper.look(lambda: now[0])

    assert look() is None  # nothing is there
    for name in "abc":
        desk.tell(f"opportunity-{name}", deal(), hours=1)
    assert equal(desk, look())
    assert desk.days() == []
    assert look() is None
    desk.tell("opportunity-a", LoseOpportunity("price"), days=2)
    assert look() is None  # the week is not over
    desk.tell("opportunity-d", deal(), days=5)
    assert equal(desk, look())
    assert desk.days() == [date(2026, 6, 7)]
    desk.tell("opportunity-e", deal(), hours=1)
    assert look() is None
    desk.tell("opportunity-b", LoseOpportunity("price"), MONDAY + timedelta(days=3), hours=1)  # entered now
    assert look() is None  # less than a minute after the last time
    now[0] += 61
    assert equal(desk, look())
    desk.tell("opportunity-d", LoseOpportunity("price"), days=21)  # nobody wrote anything for three weeks
    assert equal(desk, look())
    assert desk.days() == [date(2026, 6, 7) + timedelta(days=7 * week) for week in range(4)]


def test_who_starts_again_goes_on_from_the_files_that_are_there(desk: Desk):
    desk.tell("opportunity-a", deal())
    desk.tell("opportunity-b", deal(), days=10)
    first = Keeper(desk.app, desk.folder, "week").look()
    assert equal(desk, first)
    half = (desk.folder / FILES[1]).read_bytes()
    assert Keeper(desk.app, desk.folder, "week").look() is None
    desk.tell("opportunity-b", LoseOpportunity("price"), days=7)
    second = Keeper(desk.app, desk.folder, "week").look()
    assert equal(desk, second)
    (desk.folder / FILES[1]).write_bytes(half)  # as after a crash between the two files
    assert equal(desk, Keeper(desk.app, desk.folder, "week").look())
    (desk.folder / FILES[0]).write_bytes(b"no such file")
    assert equal(desk, Keeper(desk.app, desk.folder, "week").look())
    assert Keeper(desk.app, desk.folder, "day").look() is not None  # cut otherwise
    assert Keeper(desk.app, desk.folder, "day").look() is None
    assert Keeper(desk.app, desk.folder, "day", log="another").look() is not None


def test_what_changes_every_row_is_seen_without_delay_after_a_start(desk: Desk):
    desk.tell("opportunity-a", deal())
    desk.tell("opportunity-b", deal(), days=10)
    Keeper(desk.app, desk.folder, "week").look()
    desk.tell("calendar-organisation", SetCalendar("Pacific/Auckland", 4))
    assert equal(desk, Keeper(desk.app, desk.folder, "week").look())
