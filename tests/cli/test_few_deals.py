"""Forecasts at the terminal of a log of a handful of deals: what they leave out, and what they say of it."""

from pathlib import Path

import pytest

from infra.cli.main import run
from tests.cli.program import Shell, document

PLANS = Path(__file__).parents[2] / "examples" / "plans.json"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a verb on a log with a process and no deal: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", "sqlite:///few.db")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    assert call("process", "publish", "process-p", "--name", "P", "--stages", f"@{PLANS}")[0] == 0
    return call


def opened(said: Shell, *deals: tuple[str, str, str]) -> None:
    """Open deals, of (name, amount, owner)."""
    for deal, amount, owner in deals:
        words = ("--process", "process-p", "--amount", amount, "--owner", owner)
        assert said("opportunity", "open", f"opportunity-{deal}", *words)[0] == 0


def test_a_deal_that_no_rate_is_known_for_is_not_counted_as_nothing_in_silence(said: Shell):
    opened(said, ("a", "1000 EUR", "ann"), ("b", "500 USD", "bea"))
    code, out, _ = said("forecast", "show", "--convert-to", "EUR")
    assert code == 0
    assert "low confidence: 1 of 2 deals count as 0: no rate says what they are worth in EUR" in " ".join(out.split())
    code, out, err = said("forecast", "show", "--convert-to", "CHF")
    assert (code, out) == (2, "")
    assert "convert_to: no rate says what any deal is worth in CHF" in err
    assert said("rate", "set", "--base", "USD", "--quote", "EUR", "--day", "2020-01-01", "--rate", "0.9")[0] == 0
    code, out, _ = said("forecast", "show", "--convert-to", "EUR")
    assert (code, "count as 0" in out) == (0, False)


def test_a_quota_is_shown_of_the_only_seller_and_of_one_without_a_deal(said: Shell):
    """A level of one group is not apart from the total, and who is new is in none."""
    opened(said, ("a", "1000 EUR", "ann"))
    first = document(said("forecast", "show", "--json"))["forecast"]
    for holder in ("ann", "new"):
        words = ("--start", first["start"], "--end", first["end"], "--amount", "900 EUR")
        assert said("quota", "set", "--holder", holder, *words)[0] == 0
    found = {each["holder"]: each for each in document(said("forecast", "show", "--json"))["quotas"]}
    assert found["ann"]["mean"] == first["figures"][0]["amount"]["mean"]
    assert (found["new"]["mean"], found["new"]["chance"], found["new"]["gap"]) == ("0.00", 0.0, "900.00")


def test_of_many_reasons_why_something_is_left_out_a_table_tells_some_and_counts_the_rest(said: Shell):
    opened(said, *((f"{number}", "100 EUR", "ann") for number in range(3)))
    for number, currency in enumerate(("JPY", "CHF", "GBP", "SEK", "NOK", "DKK", "PLN")):
        opened(said, (f"other-{number}", f"100 {currency}", "bea"))
    code, out, _ = said("metric", "board", "--convert-to", "EUR")
    words = " ".join(out.split())
    assert (code, words.count("no rate from"), "2 left out for 2 other reasons: all under --json" in words) == (
        0,
        5,
        True,
    )
    answer = document(said("metric", "board", "--convert-to", "EUR", "--json"))
    assert len(answer["left_out"]) == 7
