"""A seller's and a manager's day at the terminal: a hand-over, a corrected win, a customer who was none, a namesake."""

import json
from collections.abc import Sequence

import pytest

from tests.cli.program import Shell

OPEN = ("--process", "process-standard", "--amount")
WARNING = "email: lead-1 has this address already; merge-lead says that they are one"


def done(shell: Shell, *words: str) -> str:
    """What a verb printed that ended well."""
    code, out, err = shell(*words)
    assert code == 0, (words, out, err)
    return out


@pytest.fixture
def desk(shell: Shell) -> Shell:
    """Ann works on two deals, one of them shared, and on a lead."""
    done(shell, "opportunity", "open", "opportunity-1", *OPEN, "1,200 EUR", "--owner", "ann", "--account", "Alder")
    done(shell, "opportunity", "open", "opportunity-2", *OPEN, "800.50 EUR", "--owner", "ann")
    shares = '[{"owner": "ann", "share": "0.5"}, {"owner": "eve", "share": "0.5"}]'
    done(shell, "opportunity", "change-splits", "opportunity-2", "--shares", shares)
    done(shell, "lead", "capture", "lead-1", "--source", "fair", "--owner", "ann", "--email", "jo@alder.example")
    return shell


def lines(out: str) -> Sequence[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_hand_over_is_shown_first_and_changes_nothing(desk: Shell) -> None:
    hand_over = ("opportunity", "hand-over", "--from", "ann", "--to", "bob", "--dry-run")
    out = done(desk, *hand_over)
    assert "3 would go to bob, worth 2,000.50 EUR; nothing was changed" in out
    assert "opportunity-2" in out and "discovery, shared" in out and "Alder" in out
    assert done(desk, *hand_over) == out
    rows = lines(done(desk, *hand_over, "--json"))
    assert [row["stream"] for row in rows] == ["lead-1", "opportunity-1", "opportunity-2"]
    assert (rows[2]["amount"], rows[2]["currency"], rows[2]["shared"], rows[2]["version"]) == ("800.50", "EUR", True, 2)


def test_a_hand_over_answers_each_with_a_result_and_says_who_keeps_a_share(desk: Shell) -> None:
    code, out, err = desk("opportunity", "hand-over", "--from", "ann", "--to", "bob", "--why", "ann leaves us")
    assert (code, out.splitlines()) == (
        0,
        [
            "lead-1 → bob (version 2)",
            "opportunity-1 → bob (version 2)",
            "opportunity-2 → bob (version 3)",
            "3 handed over to bob",
        ],
    )
    assert "who has a share in a deal keeps it" in err
    assert desk("opportunity", "hand-over", "--from", "ann", "--to", "bob")[:2] == (0, "0 handed over to bob\n")
    assert "ann leaves us" in done(desk, "timeline", "opportunity-1")
    assert lines(done(desk, "opportunity", "hand-over", "--from", "bob", "--to", "ann", "--json"))[1] == {
        "stream": "opportunity-1", "ok": True, "version": 3, "error": "", "detail": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--from", "ana", "--to", "bob"), 3, "owner: there is no 'ana'; there are ann, eve"),
        (("--from", "ann", "--to", "ann"), 2, "to: they are ann's already"),
        (("--to", "bob"), 2, "from: say whose deals are handed over"),
        (("--from", "ann", "--to", "bob", "--team", "north"), 3, "team: there is no 'north'"),
    ],
)
def test_a_hand_over_of_nobody_is_refused(desk: Shell, words: Sequence[str], code: int, said: str) -> None:
    ended, out, err = desk("opportunity", "hand-over", *words)
    assert (ended, out) == (code, "")
    assert said in err


def test_a_corrected_amount_names_its_consequences(desk: Shell) -> None:
    done(desk, "opportunity", "win", "opportunity-2")
    words = ("opportunity", "correct-amount", "opportunity-2", "--amount", "750 EUR", "--reason", "a discount")
    code, out, err = desk(*words)
    assert (code, out) == (0, "opportunity-2 fact-corrected (version 4)\n")
    said = " ".join(err.split())
    assert "opportunity-2 counts as won for 750.00 EUR in the place of 800.50 EUR, from its win on 20" in said
    assert "ann and eve share in it: each has their part of the new amount" in said
    [win_rate] = json.loads(done(desk, "metric", "win-rate", "--json"))["rows"]
    assert win_rate["won_amount"] == "750.00"
    code, out, err = desk(*words)
    assert (code, out, err) == (0, "opportunity-2: that is so already, nothing was added\n", "")


def test_a_win_that_is_taken_back_says_who_is_a_customer_no_more(desk: Shell) -> None:
    done(desk, "opportunity", "win", "opportunity-1")
    code, out, err = desk("opportunity", "reopen", "opportunity-1", "--reason", "they cancelled")
    assert code == 0
    assert "opportunity-reopened" in out and "customer-withdrawn" in out
    assert "Alder is a customer no more: no other deal of theirs is won" in err


def test_a_product_is_changed_in_one_command(desk: Shell) -> None:
    assert "product-changed" in done(desk, "opportunity", "change-product", "opportunity-1", "--to", "Site plan")
    line = ("--item", "line-1", "--product", "Team plan", "--quantity", "2", "--unit-price", "400 EUR")
    done(desk, "opportunity", "set-line-item", "opportunity-1", *line)
    assert "line-item-changed" in done(desk, "opportunity", "change-product", "opportunity-1", "--to", "Site plan")


def test_a_deal_has_a_name_that_the_timeline_shows(desk: Shell) -> None:
    done(desk, "opportunity", "rename", "opportunity-1", "--name", "Plans for Alder")
    assert "Plans for Alder" in done(desk, "timeline", "opportunity-1")


def test_who_captures_a_namesake_is_warned_and_it_is_done(desk: Shell) -> None:
    capture = ("lead", "capture", "lead-2", "--source", "web", "--email", "JO@alder.example")
    assert desk(*capture) == (0, "lead-2 lead-captured (version 1)\n", f"warning: {WARNING}\n")
    code, out, err = desk(*capture[:2], "lead-3", *capture[3:], "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["warnings"] == [WARNING, WARNING.replace("lead-1", "lead-2")]


def test_so_is_a_line_of_bulk(desk: Shell, tmp_path) -> None:
    fields = {"source": "web", "email": "jo@alder.example"}
    asked = [
        {"stream": "lead-2", "command": "capture-lead", "fields": fields},
        {"stream": "lead-3", "command": "capture-lead", "fields": {"source": "web"}},
    ]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in asked))
    first, second = lines(done(desk, "bulk", "lines.jsonl"))
    assert (first["ok"], first["warnings"], "warnings" in second) == (True, [WARNING], False)
