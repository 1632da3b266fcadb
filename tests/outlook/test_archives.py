"""What was read of deals once serves again: only those of which something was recorded since are read anew."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.opportunity.closing import WinOpportunity
from domain.opportunity.opening import OpenOpportunity
from domain.recorded import Fact, Source, micros
from domain.reference.rate import SetFxRate
from infra.application import backcasts
from infra.application.accuracy import past_accuracy
from infra.application.app import App, opened
from infra.application.archives import FILE, archive_at, keep, mapped
from infra.application.backcasts import past_cuts
from infra.application.forecasts import Forecaster
from infra.application.predictions import folder_of
from infra.settings import Settings
from projections.outlook.archive import Archive, archived, days_of, exchanged
from projections.outlook.cuts import cut
from projections.outlook.days import day_number, day_of
from projections.outlook.guards import last_news
from projections.outlook.lives import NEVER, NONE
from projections.outlook.settings import DEFAULT
from projections.outlook.states import Known
from projections.rows.calendars import Calendar
from projections.versions import END
from tests.outlook.conftest import LAST, Clock, copied_log, record
from tests.outlook.logs import REFERENCES, latest, of_deals, recorded
from tests.outlook.test_cuts import written
from tests.projections.histories import Scale
from tests.projections.test_moments import EXAMPLES
from tests.thorough import thorough

TODAY = LAST + timedelta(days=1)
UTC_DAYS = Calendar()
QUICK = DEFAULT._replace(step=28)


def same(one: Archive, other: Archive, day: int) -> bool:
    """Whether two archives say the same, though their codes may differ."""
    cuts = [cut(Known(each, REFERENCES, "USD"), day) for each in (one, other)]
    names = [each.streams.tolist() for each in (one, other)]
    return names[0] == names[1] and written(cuts[0]) == written(cuts[1])


@thorough(EXAMPLES)
@given(made=recorded(), data=st.data())
def test_deals_that_changed_are_exchanged_forth_and_back(made: tuple[list[Fact], Scale], data: st.DataObject):
    log, _ = made
    there = log[: data.draw(st.integers(0, len(log)))]
    changed = sorted({fact.stream for fact in log[len(there) :]})
    day = day_of(REFERENCES.calendar, latest(log))
    before, whole = (archived(of_deals(each), REFERENCES.calendar) for each in (there, log))
    for old, facts, new in ((before, log, whole), (whole, there, before)):
        again = archived(of_deals([fact for fact in facts if fact.stream in changed]), old.calendar, old.texts)
        found = exchanged(old, changed, again)
        assert same(found, new, day)
        assert np.array_equal(found.keys, new.keys)


@pytest.fixture
def app(half_year: Path, tmp_path: Path, clock: Clock) -> Iterator[App]:
    """A copy of the log, to be changed, on the day after its last one."""
    clock.set_to(TODAY)
    with opened(Settings(db=copied_log(half_year, tmp_path), actor="ann"), clock) as app:
        yield app


def a_day_of_work(app: App) -> None:
    """A deal is won, and another one opened, in a currency, by an owner and in a stage that were there or were not."""
    still_open = cut(Known(archive_at(app, app.log.head(), UTC_DAYS), REFERENCES, "EUR"), day_number(LAST))
    at = int(np.flatnonzero(still_open.lives.deals.status == 0)[0])
    record(app, WinOpportunity(override_reason="signed at once"), still_open.stream(at))
    deal = OpenOpportunity("process-standard", Money(Decimal(9000), "EUR"), owner="nobody-yet")
    record(app, deal, "opportunity-" + "n" * 90)


def read_anew(app: App, position: int) -> Archive:
    return archived(app.log.scan_kind("opportunity", position), UTC_DAYS)


def test_at_any_position_an_archive_says_what_the_log_does(app: App):
    first = app.log.head()
    archive_at(app, first, UTC_DAYS)
    a_day_of_work(app)
    for position in (app.log.head(), first, first // 2, 1, app.log.head()):
        assert same(archive_at(app, position, UTC_DAYS), read_anew(app, position), day_number(TODAY)), position
    kept = mapped(app, folder_of(app) / FILE, UTC_DAYS)
    assert kept
    assert kept[0] == app.log.head()  # the newest, though an older one was asked for


def test_only_what_changed_is_read(app: App):
    """What is kept of all other deals is taken as it is, wrong as it was made here."""
    head, states = app.log.head(), archive_at(app, app.log.head(), UTC_DAYS).states
    wrong = archive_at(app, head, UTC_DAYS)._replace(states=states._replace(pushes=np.full(len(states.deal), 77)))
    keep(app, folder_of(app) / FILE, wrong, head)
    a_day_of_work(app)
    found = archive_at(app, app.log.head(), UTC_DAYS)
    assert len(np.unique(found.states.deal[found.states.pushes != 77])) == 2
    assert len(found.streams) == len(wrong.streams) + 1


@pytest.mark.parametrize("harm", ["broken", "cut", "another log's", "another zone's", "gone"])
def test_a_file_that_cannot_be_used_is_made_anew(app: App, tmp_path: Path, clock: Clock, harm: str):
    file = folder_of(app) / FILE
    archive_at(app, app.log.head(), UTC_DAYS)
    whole = file.read_bytes()
    match harm:
        case "broken":
            file.write_bytes(b"broken" * 99)
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "another log's":
            with opened(Settings(db=f"sqlite:///{tmp_path / 'b.db'}", actor="ann"), clock) as other:
                deal = OpenOpportunity("process-standard", Money(Decimal(1), "EUR"))
                record(other, deal, "opportunity-1")
                archive_at(other, other.log.head(), UTC_DAYS)
                shutil.copy(folder_of(other) / FILE, file)
        case "another zone's":
            archive_at(app, app.log.head(), Calendar("Asia/Tokyo"))
        case _:
            file.unlink()
    assert mapped(app, file, UTC_DAYS) is None
    assert same(archive_at(app, app.log.head(), UTC_DAYS), read_anew(app, app.log.head()), day_number(TODAY))
    assert mapped(app, file, UTC_DAYS) is not None


def test_where_nothing_can_be_kept_the_log_is_read(app: App):
    folder_of(app).write_bytes(b"a file in the place of the folder")
    assert same(archive_at(app, app.log.head(), UTC_DAYS), read_anew(app, app.log.head()), day_number(TODAY))


def learnt(app: App, day: date) -> backcasts.Backcasts:
    return Forecaster(app, "EUR", settings=QUICK).learnt(day_number(day))


def as_bytes(of: backcasts.Backcasts) -> list[object]:
    """All that was learnt, as something that is equal where every byte is."""
    several = [*(each for group in sorted(of.record) for each in of.record[group]), *of.bins]
    return [[part.tobytes() if isinstance(part, np.ndarray) else part for part in each] for each in several]


@pytest.mark.slow
def test_a_new_week_is_learnt_from_beside_what_was_learnt_before(app: App, clock: Clock):
    """As all of it made anew, to the byte; so it is when history comes to be known, which changes what was before."""
    told = list[int]()
    later, cuts = LAST + timedelta(weeks=5), past_cuts(0, day_number(LAST), QUICK)
    before = learnt(app, LAST)
    a_day_of_work(app)
    clock.set_to(later + timedelta(days=1))
    making = Forecaster(app, "EUR", settings=QUICK, progressed=told.append)
    made = making.learnt(day_number(later))
    assert (made.fresh, len(told)) == (True, len(past_cuts(0, day_number(later), QUICK)) - len(cuts))
    shutil.rmtree(folder_of(app))
    assert as_bytes(learnt(app, later)) == as_bytes(made)
    assert not learnt(app, later).fresh
    again = learnt(app, LAST)  # which is the beginning of what was learnt since
    assert (again.fresh, again.cuts, as_bytes(again)) == (False, before.cuts, as_bytes(before))
    record(app, SetFxRate("EUR", "USD", later + timedelta(days=1), Decimal("1.25")), "rate-mine")
    assert not learnt(app, later).fresh  # a rate counts from its own day
    opening = OpenOpportunity("process-standard", Money(Decimal(9_000_000), "EUR"), owner="ann")
    old = datetime(2026, 3, 1, tzinfo=UTC)
    record(app, opening, "opportunity-old", occurred_at=old, source=Source("crm", "7", history=True))
    now = learnt(app, later)
    assert now.fresh
    shutil.rmtree(folder_of(app))
    assert as_bytes(learnt(app, later)) == as_bytes(now) != as_bytes(made)


@pytest.mark.slow
def test_of_a_log_that_fell_silent_nothing_is_learnt_for_years(app: App, clock: Clock):
    much_later = LAST + timedelta(weeks=150)
    clock.set_to(much_later + timedelta(days=1))
    assert learnt(app, much_later).cuts == learnt(app, LAST + timedelta(days=max(QUICK.horizons))).cuts
    making = Forecaster(app, "EUR", settings=QUICK)
    tested = past_accuracy(making, day_number(much_later))
    assert tested == past_accuracy(making, last_news(making.at(day_number(LAST)).lives))
    assert tested.last <= LAST


def test_files_of_back_casts_do_not_pile_up(tmp_path: Path):
    for number in range(backcasts.FILES + 3):
        made = backcasts.Kept(backcasts.TAG, number, "a", [], [], [])
        file = tmp_path / f"backcasts-a-{number}.npz"
        backcasts.write(file, made)
        os.utime(file, (number, number))
    left = {int(file.stem.rpartition("-")[2]) for file in tmp_path.iterdir()}
    assert left == set(range(3, backcasts.FILES + 3))
    assert backcasts.read(tmp_path / "backcasts-a-5.npz") == backcasts.Kept(backcasts.TAG, 5, "a", [], [], [])


ZONES = ("UTC", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Tehran", "Pacific/Apia")
INSTANTS = st.integers(micros(datetime(2000, 1, 1, tzinfo=UTC)), micros(datetime(2020, 1, 1, tzinfo=UTC)))


@given(zone=st.sampled_from(ZONES), moments=st.lists(INSTANTS | st.sampled_from([END, -END]), max_size=20))
def test_the_days_of_many_instants_are_those_of_each(zone: str, moments: list[int]):
    """Also where a day begins an hour late, is left out, or midnight comes twice."""
    calendar = Calendar(zone)
    special = {END: NEVER, -END: NONE}
    each = [special[moment] if moment in special else day_of(calendar, moment) for moment in moments]
    assert days_of(calendar, np.array(moments, np.int64)).tolist() == each


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/Sao_Paulo", "2018-11-04"), ("Pacific/Apia", "2011-12-31"), ("Asia/Tehran", "2019-03-22")],
)
def test_the_days_around_a_turn_of_the_clock(zone: str, day: str):
    calendar = Calendar(zone)
    turn = calendar.start(date.fromisoformat(day))
    moments = [turn + minutes * 60_000_000 + rest for minutes in range(-3000, 3000, 15) for rest in (-1, 0)]
    assert days_of(calendar, np.array(moments)).tolist() == [day_of(Calendar(zone), moment) for moment in moments]
