"""Forecasts at the terminal: issued, shown, explained, supposed, and refused in plain words."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import run
from tests.cli.program import Shell, document
from tests.offenders import every

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
FORTNIGHT = YESTERDAY + timedelta(days=14)
MONTH = f"{FORTNIGHT:%Y-%m}"  # some days of it are to come
NEXT = ("--period", MONTH)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A simulated log of 20 weeks that ends yesterday; what is learnt of it is kept beside it."""
    folder = tmp_path_factory.mktemp("forecasts")
    log = f"sqlite:///{folder / 'a.db'}"
    since = YESTERDAY - timedelta(weeks=20)
    assert run(["simulate", "--opportunities", "160", "--since", f"{since}", "--db", log]) == 0
    return log


@pytest.fixture
def said(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a verb on that log: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", place)
    monkeypatch.setenv("COLUMNS", "140")
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def total(figures: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = [each for each in figures if each["level"] == "total"]
    return found


def test_a_log_of_some_months_is_not_ready_and_its_forecast_says_so(said: Shell):
    found = document(said("forecast", "readiness", "--json"))
    assert found["as_of"] == str(YESTERDAY)
    assert {each["needed"]: each["met"] for each in found["needs"]} == {
        "months of history": False, "deals won": True, "deals lost": True,
    }  # fmt: skip
    code, out, _ = said("forecast", "readiness")
    assert (code, "not ready" in out) == (0, True)
    code, out, _ = said("forecast", "show", *NEXT)
    assert code == 0
    assert re.search(r"low confidence: the log is young, months of history: 4\.\d of 6 needed", " ".join(out.split()))


def test_a_forecast_is_shown_by_level_and_its_parts_add_up(said: Shell):
    whole = document(said("forecast", "show", *NEXT, "--json"))
    forecast = whole["forecast"]
    assert (forecast["as_of"], forecast["currency"], forecast["end"][:7]) == (str(YESTERDAY), "EUR", MONTH)
    assert whole["learnt_from"]["tag"] == "backcast"
    owners = [each for each in forecast["figures"] if each["level"] == "owner"]
    assert sum(Decimal(each["amount"]["mean"]) for each in owners) == Decimal(
        total(forecast["figures"])["amount"]["mean"]
    )
    code, out, _ = said("forecast", "show", *NEXT, "--by", "owner")
    assert (code, all(each["group"] in out for each in owners)) == (0, True)
    assert "Learnt from the forecasts of" in out


def test_where_there_is_nothing_to_list_a_forecast_says_so(
    said: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DEALTRAIL_DB", f"sqlite:///{tmp_path / 'one.db'}")
    opened = ("opportunity", "open", "opportunity-one", "--process", "process-standard", "--amount", "10 EUR")
    assert said(*opened)[0] == 0
    code, out, _ = said("forecast", "show", "--by", "owner")
    assert (code, "not apart by owner" in out, "┃" in out) == (0, True, False)
    assert said("opportunity", "lose", "opportunity-one", "--reason", "price")[0] == 0
    code, out, _ = said("forecast", "explain")
    assert (code, "no deal was open then" in out) == (0, True)


def test_deals_without_amounts_are_listed_by_their_chances(
    said: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DEALTRAIL_DB", f"sqlite:///{tmp_path / 'none.db'}")
    for name, stage in (("a", "discovery"), ("b", "negotiation"), ("c", "proposal")):
        opened = ("opportunity", "open", f"opportunity-{name}", "--process", "process-standard", "--stage", stage)
        assert said(*opened, "--amount", "0 EUR")[0] == 0
    found = document(said("forecast", "explain", "--json"))
    assert [each["deal"][-1] for each in found["deals"]] == ["b", "c", "a"]
    assert {Decimal(each["amount"]) for each in found["deals"]} == {Decimal(0)}


def test_a_scheduler_issues_once_a_week(said: Shell):
    sunday = YESTERDAY - timedelta(days=(YESTERDAY.weekday() + 1) % 7)
    issued = document(said("forecast", "issue", "--every", "week", *NEXT, "--json"))
    assert (issued["new"], issued["as_of"]) == (True, str(sunday))
    again = document(said("forecast", "issue", "--every", "week", *NEXT, "--json"))
    assert again == {**issued, "new": False}
    stream = f"outlook-EUR-{issued['start']}-{issued['end']}"
    [event] = document(said("timeline", stream, "--json"))
    assert event["type"] == "forecast-issued"
    code, out, _ = said("forecast", "show", *NEXT)
    assert (code, f"│ {sunday}" in out) == (0, True)
    assert said("forecast", "score")[2] == "no period that is over waits to be scored\n"


def test_a_period_that_is_over_is_scored_once(said: Shell):
    begins = YESTERDAY - timedelta(days=3)
    arguments = ("--period", str(begins), "--as-of", str(begins - timedelta(days=2)), "--json")
    assert document(said("forecast", "issue", *arguments))["new"]
    code, out, _ = said("forecast", "show", "--period", str(begins))
    assert (code, "which is over" in out, "not scored yet" in out) == (0, True, True)
    [scored] = document(said("forecast", "score", "--json"))
    won, [one] = total(scored["achieved"]), scored["scores"]
    assert Decimal(one["error"]) == Decimal(one["error"]).quantize(Decimal("0.01"))
    answer = document(said("metric", "bookings", "--since", str(begins), "--until", str(begins), "--json"))
    assert Decimal(won["amount"]) == sum((Decimal(row["net_amount"]) for row in answer["rows"]), Decimal(0))
    assert document(said("forecast", "score", "--json")) == []
    shown = document(said("forecast", "show", "--period", str(begins), "--json"))
    assert (shown["forecast"], [shown["scored"]["scores"]]) == (None, [scored["scores"]])
    code, out, _ = said("forecast", "show", "--period", str(begins))
    assert (code, f"{Decimal(won['amount']):,.2f} EUR and {won['wins']} deals were won" in out) == (0, True)


def test_a_forecast_is_what_is_booked_and_what_open_and_new_deals_bring(said: Shell):
    of = document(said("forecast", "explain", *NEXT, "--json"))
    assert (of["currency"], of["as_of"], of["end"][:7]) == ("EUR", str(YESTERDAY), MONTH)
    rows = of["deals"]
    assert rows == sorted(rows, key=lambda row: (-Decimal(row["mean"]), row["deal"]))
    assert sum(Decimal(row["mean"]) for row in rows) == Decimal(of["open"])
    assert sum(Decimal(of[part]) for part in ("booked", "open", "new")) == Decimal(of["mean"])
    whole = document(said("forecast", "show", *NEXT, "--json"))
    assert of["mean"] == total(whole["forecast"]["figures"])["amount"]["mean"]
    code, out, _ = said("forecast", "explain", *NEXT, "--limit", "2")
    assert (code, f"and {len(rows) - 2} more" in out) == (0, True)
    told = " ".join(out.split())
    assert all(words in told for words in ("EUR", str(YESTERDAY), "deals not created yet", "not chance x if won"))


def test_a_chance_is_explained_by_causes_that_sum_to_it_also_as_they_are_printed(said: Shell):
    for row in document(said("forecast", "explain", *NEXT, "--json"))["deals"][:3]:
        reasons = document(said("forecast", "explain", row["deal"], *NEXT, "--json"))
        assert sum(each["change"] for each in reasons["causes"]) == pytest.approx(reasons["chance"], abs=1e-6)
        assert reasons["chance"] == pytest.approx(row["chance"], abs=1e-5)
        assert date.fromisoformat(reasons["early"]) <= date.fromisoformat(reasons["late"])
        code, out, _ = said("forecast", "explain", row["deal"], *NEXT)
        assert (code, "stage and age" in out, f"from {reasons['start']} to {reasons['end']}" in out) == (0, True, True)
        *parts, whole = (Decimal(each) for each in re.findall(r"([+-]?\d+\.\d)%", out))
        assert sum(parts) == whole


@pytest.mark.slow
def test_a_bridge_sums_to_the_cent(said: Shell):
    earlier = str(YESTERDAY - timedelta(days=10))
    found = document(said("forecast", "bridge", "--from", earlier, *NEXT, "--json"))
    assert Decimal(found["before"]) + sum(Decimal(each["amount"]) for each in found["spans"]) == Decimal(found["after"])
    shown = document(said("forecast", "show", *NEXT, "--json"))
    assert Decimal(found["after"]) == Decimal(total(shown["forecast"]["figures"])["amount"]["mean"])
    code, out, _ = said("forecast", "bridge", "--from", earlier, *NEXT)
    assert (code, "open deals, for the stages that they moved to" in out) == (0, True)


@pytest.mark.slow
def test_a_supposition_changes_what_it_says_and_is_issued_nowhere(said: Shell):
    [first, second, *_] = document(said("forecast", "explain", *NEXT, "--json"))["deals"]
    head = document(said("status", "--json"))["position"]
    won = document(said("forecast", "what-if", *NEXT, "--win", first["deal"], "--lose", second["deal"], "--json"))
    before, after = (Decimal(total(won[name])["amount"]["mean"]) for name in ("figures", "supposed"))
    assert (won["official"], won["tag"]) == (False, "scenario: supposed, never issued")
    assert (won["currency"], won["as_of"], won["scenario"]["won"]) == ("EUR", str(YESTERDAY), [first["deal"]])
    assert after != before
    more = document(said("forecast", "what-if", *NEXT, "--creation", "3", "--json"))
    assert Decimal(total(more["supposed"])["wins"]["mean"]) > Decimal(total(more["figures"])["wins"]["mean"])
    huge = said("forecast", "what-if", *NEXT, "--amount", f"{first['deal']}=99999999999999999999")
    assert (huge[0], f"amounts.{first['deal']}.amount" in huge[2]) == (2, True)
    none = document(said("forecast", "what-if", *NEXT, "--json"))
    assert none["supposed"] == none["figures"]
    assert document(said("status", "--json"))["position"] == head
    code, out, err = said("forecast", "what-if", *NEXT, "--amount", f"{first['deal']}=1,000")
    assert (code, "A scenario, no forecast" in out, "issued nowhere" in err) == (0, True, True)
    assert f"{first['deal']} has the amount 1,000.00 EUR" in out


@pytest.mark.slow
def test_a_backtest_prints_the_baselines_and_claims_nothing_of_few_windows(said: Shell):
    found = document(said("forecast", "backtest", "--json"))
    assert found["tag"] == "backcast: made afterwards, never issued"
    assert {"weighted_pipeline", "run_rate", "windows"} <= set(found["cells"][0])
    assert said("forecast", "backtest", "--plot", "a.svg", "--export", "a.csv") == (0, "", "")
    assert "weighted pipeline" in Path("a.svg").read_text()
    header, first, *_ = Path("a.csv").read_text().splitlines()
    assert header == "as_of,end,horizon,currency,mean,p10,p90,achieved,weighted_pipeline,run_rate,tag"
    assert first.endswith('"backcast: made afterwards, never issued"')
    code, out, _ = said("forecast", "backtest", "--weeks", "5")
    assert (code, "run-rate" in out, "too few windows" in out) == (0, True, True)
    assert re.search(r"\(\d+\.\d%\)", out)


def test_a_quota_has_a_chance_and_a_pipeline_that_it_needs_with_the_arithmetic(said: Shell):
    whole = document(said("forecast", "show", *NEXT, "--quota", "1", "--json"))
    [sure] = whole["quotas"]
    assert (sure["holder"], sure["chance"] > 0.99, Decimal(sure["gap"])) == ("", True, 0)
    mean = Decimal(sure["mean"])
    [far] = document(said("forecast", "show", *NEXT, "--quota", str(2 * mean), "--json"))["quotas"]
    assert far["chance"] < 0.5
    assert Decimal(far["gap"]) == mean
    needed = Decimal(far["gap"]) * Decimal(far["open_amount"]) / Decimal(far["open_mean"])
    assert Decimal(far["needed"]) == pytest.approx(needed, abs=Decimal("0.01"))
    start, end = whole["forecast"]["start"], whole["forecast"]["end"]
    owner = next(each["group"] for each in whole["forecast"]["figures"] if each["level"] == "owner")
    words = ("quota", "set", "--holder", owner, "--start", start, "--end", end, "--amount", "90000 EUR")
    assert said(*words)[0] == 0
    code, out, _ = said("forecast", "show", *NEXT)
    assert (code, "quota of" in out, "pipeline needed = gap" in out) == (0, True, True)
    code, out, _ = said("forecast", "show", *NEXT, "--by", "owner", "--quota", str(2 * mean))
    numbers = (f"{Decimal(far[name]):,.2f}" for name in ("quota", "booked", "mean", "gap", "open_amount", "open_mean"))
    assert (code, [number for number in numbers if number not in out]) == (0, [])  # all that the arithmetic takes
    code, out, _ = said("forecast", "show", *NEXT, "--by", "team")
    assert (code, "not apart by team: the deals have one or none" in out) == (0, True)


def test_a_period_stands_beside_the_ones_before_it(said: Shell):
    whole = document(said("forecast", "show", *NEXT, "--json"))
    *earlier, now = whole["pacing"]
    assert (now["first"], now["last"]) == (whole["forecast"]["start"], whole["forecast"]["end"])
    assert Decimal(now["whole"]) == Decimal(total(whole["forecast"]["figures"])["amount"]["mean"])
    assert 3 <= len(earlier) <= 4  # the month before may go on itself
    for each, following in pairwise(earlier):
        assert date.fromisoformat(each["last"]) + timedelta(days=1) == date.fromisoformat(following["first"])
        assert Decimal(each["by_day"]) <= Decimal(each["whole"])


def test_a_period_that_goes_on_is_no_pace_for_a_later_one(said: Shell):
    month = (FORTNIGHT.replace(day=1) + timedelta(days=35)).strftime("%Y-%m")
    *earlier, _ = document(said("forecast", "show", "--period", month, "--json"))["pacing"]
    assert all(each["last"] <= str(YESTERDAY) for each in earlier)
    assert earlier


@every(
    ("words", "reason"),
    [
        (("issue", "--as-of", "2020-01-01"), "NotFound: as_of: nothing of any deal was known at the end of 2020-01-01"),
        (("issue", "--as-of", str(YESTERDAY - timedelta(days=40)), *NEXT), "a forecast is issued within 31"),
        (("issue", "--every", "week", "--as-of", "yesterday"), "every: it says as of which day"),
        (("show", "--as-of", "today"), "is not over, so not all of it is known"),
        (("show", "--period", "2020-01"), "Malformed: period: it is over on 2020-01-31"),
        (("show", "--period", "soon"), "period: 'soon' is not a date"),
        (("show", "--convert-to", "usd"), "convert_to: 'usd' is not an ISO 4217 code"),
        (("show", "--base-currency", "ZZZ"), "base_currency: 'ZZZ' is not an ISO 4217 code"),
        (("show", "--quota", "much"), "Malformed: quota: 'much' is not a number as it is written here"),
        (("show", "--quota", "2,5"), "quota: '2,5' is not a number as it is written here; write 2.5"),
        (("show", "--quota", "100000000000000"), "quota.amount: 100000000000000 is not a finite amount from 0"),
        (("show", "--quota", "1.234"), "quota.amount: 1.234 has more than 2 decimal places, the minor unit of EUR"),
        (("score", "--period", "2026-01"), "--period"),
        (("readiness", "--period", "soon"), "--period"),
        (("backtest", "--weeks", "0"), "Malformed: weeks: 0 is below 1"),
        (("explain", "--limit", "-3"), "Malformed: limit: -3 is below 1"),
        (("explain", "opportunity-x"), "NotFound: deal: opportunity-x was not known to be open"),
        (("bridge", "--from", "today"), "is not before"),
        (("what-if", "--win", "opportunity-x"), "NotFound: won: opportunity-x was not known to be open"),
        (("what-if", "--stage", "nowhere=2"), "NotFound: stages: no deal was in nowhere; there are "),
        (("what-if", "--stage", "nowhere"), "Malformed: stage: 'nowhere' is not NAME=NUMBER"),
        (("what-if", "--creation", "-1"), "Malformed: creation: '-1' is not a number from 0 on"),
        (("what-if", "--creation", "101"), "Malformed: creation: a factor is from 0 to 100"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_what_cannot_be_forecast_is_refused_with_the_reason(said: Shell, words: tuple[str, ...], reason: str):
    code, out, err = said("forecast", *words)
    assert (code in (2, 3, 4), out) == (True, ""), err
    assert reason in " ".join(err.split())
