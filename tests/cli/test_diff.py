"""Two moments compared from the command line, and figures drawn as pictures."""

import re
import sys
from pathlib import Path

import pytest

from infra.application.plots import spec
from tests.cli.program import Shell, document
from tests.cli.test_cli import opened
from tests.offenders import every

PERIOD = "--since", "2026-02-01", "--until", "2026-02-28"


def grown(shell: Shell) -> None:
    """Two deals: one worth more and put off in February, one lost in it."""
    opened(shell, "opportunity-1", "--occurred-at", "2026-01-10", "--owner", "ann")
    opened(shell, "opportunity-2", "--occurred-at", "2026-01-11", "--owner", "bob")
    assert (
        shell("opportunity", "change-amount", "opportunity-1", "--to", "170 EUR", "--occurred-at", "2026-02-10")[0] == 0
    )
    assert shell("opportunity", "lose", "opportunity-2", "--reason", "price", "--occurred-at", "2026-02-11")[0] == 0


def test_two_times_differ_by_deals_and_in_value(shell: Shell) -> None:
    grown(shell)
    found = document(shell("diff", "2026-01-31", "2026-02-28", "--json"))
    assert found["counts"] == {"changed": 1, "lost": 1}
    assert found["differences"][0] == {
        "stream": "opportunity-1",
        "kinds": ["changed"],
        "changes": [{"field": "amount", "from": "100.50 EUR", "to": "170.00 EUR"}],
        "amount": "170.00 EUR",
        "owner": "ann",
        "account": "",
        "reason": "",
    }
    assert (found["from"]["effective_at"], found["to"]["effective_at"]) == (
        "2026-01-30T23:59:59.999999Z",
        "2026-02-28T23:59:59.999999Z",
    )
    amounts = {row["bucket"]: row["amount"] for row in found["waterfall"]}
    assert (amounts["opening"], amounts["increased"], amounts["lost"], amounts["closing"]) == (
        "201.00",
        "69.50",
        "-100.50",
        "170.00",
    )
    assert document(shell("diff", "2026-01-31", "2026-02-28", "--owner", "bob", "--json"))["counts"] == {"lost": 1}
    code, out, _ = shell("diff", "2026-01-31", "2026-02-28", "--form", "net", "--limit", "1")
    assert code == 0
    assert "amount 100.50 EUR → 170.00 EUR" in out
    assert re.search(r"opportunity-2 +100\.50 EUR +bob +price\n", out), "what was lost, how much, whose, and why"
    assert "waterfall" in out


def test_two_positions_differ_by_what_became_known(shell: Shell) -> None:
    grown(shell)
    last = document(shell("status", "--json"))["position"]
    found = document(shell("diff", str(last - 2), str(last), "--axis", "known", "--json"))
    assert found["counts"] == {"changed": 1, "lost": 1}
    assert (found["from"]["known_at"], found["to"]["known_at"]) == (last - 2, last)
    before = document(
        shell("diff", str(last - 2), str(last), "--axis", "known", "--effective-at", "2026-01-31", "--json")
    )
    assert before["counts"] == {}
    code, _, err = shell("diff", str(last - 2), str(last), "--axis", "known", "--owner", "eve")
    assert (code, "owner: there is no 'eve'; there are ann, bob" in err) == (3, True)
    assert "nothing is different" in shell("diff", str(last - 1), str(last), "--axis", "known", "--owner", "ann")[1]


@every(
    ("arguments", "said"),
    [
        (("2026-02-28", "2026-01-31"), "the first moment must lie before the second"),
        (("2026-01-31", "2026-02-28", "--effective-at", "2026-02-01"), "the two moments are those"),
        (("0", "2", "--axis", "known", "--known-at", "1"), "the two moments are those"),
        (("2026-01-31", "2026-02-28", "--since", "2026-02-01"), "the two moments and the form say that already"),
        (("2026-01-31", "2026-02-28", "--stage", "a"), "waterfall is not about one stage"),
    ],
)
def test_moments_that_cannot_be_compared_are_refused(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    grown(shell)
    code, _, err = shell("diff", *arguments)
    assert code == 2
    assert said in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("waterfall", *PERIOD),
        ("waterfall", *PERIOD, "--by", "owner"),
        ("funnel",),
        ("win-rate", *PERIOD, "--by", "month"),
        ("win-rate", *PERIOD, "--by", "month", "--by", "owner"),
        ("win-rate", "--since", "2020-01-01", "--until", "2020-01-31", "--by", "month"),
        ("bookings", *PERIOD, "--by", "month"),
        ("quota-attainment", *PERIOD),
        ("sales-cycle", "--by", "owner"),
        ("win-curve",),
        ("loss-reasons", "--mode", "stage"),
        ("pipeline-history", *PERIOD),
    ],
    ids=" ".join,
)
def test_a_figure_is_drawn_with_the_moment_that_it_is_for(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    grown(shell)
    for name in ("figure.svg", "figure.png"):
        code, _, err = shell("metric", *arguments, "--plot", str(tmp_path / name))
        assert code == 0, err
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "as known at position" in (tmp_path / "figure.svg").read_text()


def test_what_cannot_be_drawn_says_why(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(shell)
    file = str(tmp_path / "figure.svg")
    for arguments, said in (
        (("board", "--plot", file), "board has no picture; there are"),
        (("funnel", "--plot", "figure.gif"), "write a file called .svg or .png"),
        (("win-rate", "--plot", file), "group it by month, week or quarter"),
    ):
        code, _, err = shell("metric", *arguments)
        assert (code, said in err) == (2, True)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    code, _, err = shell("metric", "funnel", "--plot", file)
    assert (code, "install dealtrail[plot]" in err) == (1, True)


def test_a_stay_whose_median_nobody_knows_is_drawn_as_such() -> None:
    row = {"process": "process-p", "stage": "a", "name": "", "visits": 3, "left": 1, "median_days": None,
           "closed_median_days": 4.0, "mean_days": 4.0}  # fmt: skip
    drawn = spec("time-in-stage", [row, {**row, "stage": "b", "median_days": 12}], ["now"])
    labels = [value["label"] for value in drawn["vconcat"][0]["data"]["values"]]
    assert labels == ["not known yet  (3 visits)", "12 days  (3 visits)"]
