"""The Maven folder comes in whole, agrees with the reference figures, and comes in once."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.errors import Malformed, NotFound
from domain.recorded import micros
from infra.application.app import App, opened
from infra.application.digests import content_digest
from infra.application.moments import day_end, day_start
from infra.importers import maven
from infra.importers.runner import Import, Summary
from infra.settings import Settings
from infra.views import Views
from projections.query.question import Question
from tests.cli.program import ENTRY, ROOT
from tests.importers.invented import maven_folder

QUARTERS = {
    "2016Q4": ("2016-10-01", "2016-12-31"),
    "2017Q1": ("2017-01-01", "2017-03-31"),
    "2017Q2": ("2017-04-01", "2017-06-30"),
    "2017Q3": ("2017-07-01", "2017-09-30"),
    "2017Q4": ("2017-10-01", "2017-12-31"),
}


def imported(app: App, path: Path, tmp_path: Path, **options: object) -> Summary:
    export = maven.read(path, "import:maven", **options)
    return Import(app.dispatcher(cached=True), export, "import:maven", tmp_path / "rejects.csv").run(lambda _: None)


def period(quarter: str) -> dict[str, int]:
    since, until = (date.fromisoformat(day) for day in QUARTERS[quarter])
    return {"since": micros(day_start(since)), "until": micros(day_end(until)) + 1}


def test_the_maven_folder_agrees_with_the_reference_figures_and_comes_in_once(
    app: App, crm: tuple[Path, Any], tmp_path: Path
) -> None:
    path, known = crm
    deals = sum(known["counts"].values())
    summary = imported(app, path, tmp_path)
    assert (summary.rows, summary.imported, summary.rejected) == (deals, deals, 0)
    with app.views() as views:
        compare_totals(views, known)
        compare_quarters(views, known)
        compare_an_earlier_day(views, path, date(2017, 6, 30))
    before = app.log.head()
    again = imported(app, path, tmp_path)
    assert (again.imported, again.unchanged, again.facts, app.log.head()) == (0, deals, 0, before)


def compare_totals(views: Views, known: Any) -> None:
    board = {row.stage: row.deals for row in views.ask("board", Question()).records}
    [won] = views.ask("win-rate", Question()).records
    assert board == {"prospecting": known["counts"]["Prospecting"], "engaging": known["counts"]["Engaging"]}
    assert (won.won, won.lost) == (known["counts"]["Won"], known["counts"]["Lost"])
    assert float(won.won_amount) == known["won_value"]
    assert round(won.by_count, 4) == known["win_rate_count"]
    assert round(won.by_amount, 4) != known["win_rate_value_close_value"]  # a lost deal weighs what was asked for it


def compare_quarters(views: Views, known: Any) -> None:
    for quarter, figures in known["by_quarter"].items():
        engaged = views.ask("funnel", Question(mode="touched", **period(quarter))).records
        [cohort] = views.ask("win-rate", Question(mode="cohort", **period(quarter))).records
        assert {row.stage: row.entered for row in engaged}["engaging"] == figures["engaged"]
        assert (cohort.won, cohort.lost) == (figures["cohort_won"], figures["cohort_lost"])
        closed = views.ask("win-rate", Question(**period(quarter))).records
        assert sum(row.won for row in closed) == figures["period_won"]
        assert sum(row.lost for row in closed) == figures["period_lost"]


def compare_an_earlier_day(views: Views, path: Path, then: date) -> None:
    """The pipeline of a day in the past is that of the table as it was then."""
    with (path / "sales_pipeline.csv").open() as file:
        rows = list(csv.DictReader(file))
    engaging = sum(
        bool(row["engage_date"])
        and date.fromisoformat(row["engage_date"]) <= then
        and (not row["close_date"] or date.fromisoformat(row["close_date"]) > then)
        for row in rows
    )
    board = views.ask("board", Question(effective_at=micros(day_end(then)))).records
    assert {row.stage: row.deals for row in board} == {"engaging": engaging}


HEADER = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"


def export(path: Path, *rows: str) -> Path:
    """A small folder of the published form."""
    path.mkdir(exist_ok=True)
    (path / "products.csv").write_text("product,series,sales_price\nGTX Pro,GTX,4821\nMG Special,MG,55\n")
    (path / "sales_pipeline.csv").write_text(HEADER + "".join(row + "\n" for row in rows))
    return path


def test_a_newer_export_appends_only_what_changed(app: App, tmp_path: Path) -> None:
    old = export(
        tmp_path / "old",
        "A,Ann,GTXPro,,Engaging,2017-01-02,,",
        "B,Ann,MG Special,Isdom,Engaging,2017-01-03,,",
        "C,Ann,MG Special,,Prospecting,,,",
    )
    new = export(
        tmp_path / "new",
        "A,Ann,GTXPro,Cancity,Won,2017-01-02,2017-02-01,4500",
        "B,Ann,MG Special,Isdom,Engaging,2017-01-03,,",
        "C,Bob,MG Special,,Engaging,2017-01-20,,",
        "D,Ann,MG Special,Isdom,Lost,2017-01-20,2017-01-25,0",
    )
    imported(app, old, tmp_path, snapshot=date(2017, 1, 10))
    before = app.log.head()
    summary = imported(app, new, tmp_path, snapshot=date(2017, 2, 10))
    added = [(fact.stream, fact.tag) for fact in app.log.page(before, 100)]
    assert (summary.imported, summary.unchanged, summary.rejected) == (3, 1, 0)
    assert [tag for stream, tag in added if stream == "opportunity-maven-A"] == ["account-changed", "opportunity-won"]
    assert [tag for stream, tag in added if stream == "opportunity-maven-B"] == []
    assert [tag for stream, tag in added if stream == "opportunity-maven-C"] == ["stage-changed", "owner-changed"]
    assert [tag for stream, tag in added if stream == "opportunity-maven-D"] == [
        "opportunity-opened",
        "opportunity-lost",
    ]


def test_rows_that_cannot_come_in_are_listed_with_line_and_reason_and_the_rest_goes_on(
    app: App, tmp_path: Path
) -> None:
    path = export(
        tmp_path / "crm",
        "A,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,4500",
        "B,Ann,GTX Ultra,Isdom,Won,2017-01-02,2017-01-09,4500",
        "C,Ann,GTXPro,Isdom,Won,2017-01-09,2017-01-02,4500",
        "D,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,many",
        "E,Ann,GTXPro,Isdom,Maybe,2017-01-02,2017-01-09,1",
        "F,Ann,GTXPro,Isdom,Won,,2017-01-09,1",
        "G,Ann,GTXPro,Isdom,Engaging,2017-01-02,,",
        "G,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,1",
        ",Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,1",
        "H,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,NaN",
        "I,Ann,GTXPro,Isdom,Lost,2017-01-02,2017-01-09,0",
    )
    summary = imported(app, path, tmp_path)
    assert (summary.rows, summary.imported, summary.rejected) == (11, 2, 9)
    listed = list(csv.DictReader((tmp_path / "rejects.csv").read_text().splitlines()))
    assert [(row["line"], row["reason"].partition(":")[0]) for row in listed] == [
        ("3", "product"),
        ("4", "close_date"),
        ("5", "close_value"),
        ("6", "deal_stage"),
        ("7", "engage_date"),
        ("8", "opportunity_id"),
        ("9", "opportunity_id"),
        ("10", "opportunity_id"),
        ("11", "close_value"),
    ]
    streams = {fact.stream for fact in app.log.page(0, 100) if fact.stream.startswith("opportunity")}
    assert streams == {"opportunity-maven-A", "opportunity-maven-I"}


def test_a_corrected_outcome_is_refused_not_guessed(app: App, tmp_path: Path) -> None:
    imported(app, export(tmp_path / "old", "A,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,4500"), tmp_path)
    newer = export(tmp_path / "new", "A,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,4000")
    summary = imported(app, newer, tmp_path)
    assert (summary.imported, summary.rejected) == (0, 1)
    assert "won for 4,000.00 USD, recorded is 4,500.00 USD" in (tmp_path / "rejects.csv").read_text()


def test_dates_that_can_be_read_in_two_ways_are_refused_with_both_readings(both_forms: tuple[Path, Path]) -> None:
    with pytest.raises(Malformed, match=r"2017-03-01 \(M/D/YYYY\) or 2017-01-03 \(D/M/YYYY\)") as refusal:
        maven.read(both_forms[1], "import:maven")
    assert "date_format %m/%d/%Y or date_format %d/%m/%Y" in str(refusal.value)


def test_both_forms_of_the_folder_say_the_same(both_forms: tuple[Path, Path], tmp_path: Path) -> None:
    digests = set[str]()
    for path, form in zip(both_forms, (None, "%m/%d/%Y"), strict=True):
        with opened(Settings(db=f"sqlite:///{tmp_path / path.name}.db")) as app:
            assert imported(app, path, tmp_path, form=form).rejected == 0
            digests.add(without_shipped(app))
    assert len(digests) == 1


def without_shipped(app: App) -> str:
    """The content digest of what the import wrote: the process and the framework that ship happen when they happen."""
    return content_digest(
        app.log, app.vault, app.log.head(), lambda stream: stream not in ("process-standard", "framework-bant")
    )[1]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        maven.read(export(tmp_path / "crm") / "nowhere", "import:maven")
    path = export(tmp_path / "crm")
    (path / "sales_pipeline.csv").write_text("opportunity_id,product\n")
    with pytest.raises(Malformed, match="the column sales_agent, account"):
        maven.read(path, "import:maven")


def kill_and_resume(app: App, log_url: str, tmp_path: Path, kills: Sequence[int]) -> None:
    """Import a folder, killed at each of these positions and begun again; compare with one that was not."""
    path = maven_folder(tmp_path / "crm", 5_000)
    arguments = [sys.executable, "-c", ENTRY, "import", "maven", str(path), "--db", log_url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DEALTRAIL_KEY_FILE": str(tmp_path / "key")}
    for kill_at in kills:
        with subprocess.Popen(arguments, env=environment, cwd=tmp_path) as running:
            while app.log.head() < kill_at and running.poll() is None:
                time.sleep(0.01)
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL, "it was killed in the middle, not after the end"
    assert kills[-1] <= app.log.head() < 9_000
    assert imported(app, path, tmp_path).imported > 0
    with opened(Settings(db=f"sqlite:///{tmp_path / 'whole.db'}", key_file=str(tmp_path / "other"))) as whole:
        imported(whole, path, tmp_path)
        assert without_shipped(app) == without_shipped(whole)


@pytest.mark.slow
def test_an_import_killed_half_way_and_run_again_says_what_an_undisturbed_one_says(
    app: App, log_url: str, tmp_path: Path
) -> None:
    kill_and_resume(app, log_url, tmp_path, (1_000, 4_000))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_an_import_killed_anywhere_and_run_again_says_what_an_undisturbed_one_says(
    app: App, log_url: str, tmp_path: Path, seed: int
) -> None:
    kill_and_resume(app, log_url, tmp_path, sorted(Random(seed).randrange(0, 5_500) for _ in range(4)))


def test_a_copy_of_the_folder_elsewhere_is_the_same_export(app: App, tmp_path: Path) -> None:
    path = export(tmp_path / "crm", "A,Ann,GTXPro,Isdom,Won,2017-01-02,2017-01-09,4500")
    imported(app, path, tmp_path)
    shutil.copytree(path, tmp_path / "copy")
    assert imported(app, tmp_path / "copy", tmp_path, snapshot=date(2017, 1, 9) + timedelta(days=1)).facts == 0
