"""What was typed by people for a day and came out wrong: values, codes, what is shown, and requests made again."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.program import Shell, document
from tests.offenders import every

SHARES = '[{"owner": "a", "share": 0.1}, {"owner": "b", "share": 0.9}]'
SCHEDULE = ("opportunity", "schedule-activity")
STANDARD = ("--process", "process-standard")


def done(shell: Shell, *arguments: str) -> str:
    """What a verb printed that had to succeed."""
    code, out, err = shell(*arguments)
    assert code == 0, err
    return out


def refused(shell: Shell, code: int, *arguments: str) -> str:
    """What a verb said that had to end with a code, and print nothing."""
    ended, out, err = shell(*arguments)
    assert (ended, out) == (code, ""), err
    return err


def day(ago: int = 0) -> str:
    """A day, so many before today."""
    return str((datetime.now(UTC) - timedelta(days=ago)).date())


# Values


def test_money_has_the_digits_of_its_currency_everywhere(shell: Shell) -> None:
    close = ("--close-date", "2026-03-31", "--occurred-at", "2026-01-10")
    done(shell, "opportunity", "open", "opportunity-k", *STANDARD, "--amount", "1000.125 KWD", *close)
    done(shell, "opportunity", "open", "opportunity-j", *STANDARD, "--amount", "150000 JPY", *close)
    done(shell, "opportunity", "change-amount", "opportunity-k", "--to", "2,000.125 KWD", "--occurred-at", "2026-02-10")
    for arguments, texts in (
        (("metric", "board"), ("2,000.125", "150,000 ")),
        (("metric", "forecast", "--since", "Q1 2026", "--until", "Q1 2026"), ("2,000.125", "150,000 ")),
        (("explain", "board"), ("2,000.125", "150,000")),
        (("timeline", "opportunity-k"), ("1,000.125 KWD → 2,000.125 KWD",)),
        (("timeline", "opportunity-j"), ("150,000 JPY",)),
        (("diff", "2026-02-01", "2026-02-28"), ("amount 1,000.125 KWD → 2,000.125 KWD", "150,000 ")),
    ):
        out = done(shell, *arguments)
        assert all(text in out for text in texts), out
        assert "150,000." not in out and ".12 " not in out


def test_numbers_are_taken_as_people_write_them(shell: Shell) -> None:
    done(shell, "rate", "set", "rate-a", "--base", "KWD", "--quote", "EUR", "--day", "2026-01-01", "--rate", "0.0061")
    done(shell, "opportunity", "open", "opportunity-1", *STANDARD, "--amount", "EUR 1,000.50")
    done(
        shell,
        "opportunity",
        "override-probability",
        "opportunity-1",
        "--probability",
        "35%",
        "--reason",
        "they said so",
    )
    done(shell, "opportunity", "set-line-item", "opportunity-1", "--item", "a", "--product", "x", "--quantity", "2.5",
         "--discount", "0.1", "--unit-price", "10 EUR")  # fmt: skip
    done(
        shell,
        "opportunity",
        "change-splits",
        "opportunity-1",
        "--shares",
        '[{"owner": "a", "share": 0.1}, {"owner": "b", "share": 0.9}]',
    )
    events = [line["event"] for line in document(shell("timeline", "opportunity-1", "--json"))]
    assert events[1]["probability"] == "0.35"
    assert (events[2]["line"]["quantity"], events[2]["line"]["discount"]) == ("2.5", "0.1")
    assert events[3]["shares"][0]["share"] == "0.1"
    assert document(shell("timeline", "rate-a", "--json"))[0]["event"]["rate"] == "0.0061"


def test_a_number_that_may_mean_two_is_refused_saying_how_to_write_it(shell: Shell) -> None:
    opening = ("opportunity", "open", "opportunity-1", *STANDARD, "--amount")
    assert "write 1,000.50" in refused(shell, 2, *opening, "1.000,50 EUR")
    assert "write 1.5" in refused(shell, 2, *opening, "1,5 EUR")
    text = refused(shell, 2, *opening, "1.000 EUR")
    assert "1.00 EUR" in text and "1,000 EUR" in text


@pytest.mark.parametrize("today", [day(), "today", "now"])
def test_today_is_not_in_the_future(shell: Shell, today: str) -> None:
    repeated = ("lead", "capture", "lead-a", "--source", "web", "--occurred-at", today, "--command-id", "k")
    done(shell, *repeated)
    [fact] = document(shell("timeline", "lead-a", "--json"))
    happened = datetime.fromisoformat(fact["occurred_at"])
    assert abs(datetime.now(UTC) - happened) < timedelta(minutes=5)
    assert "answered before" in done(shell, *repeated)


def test_tomorrow_is_in_the_future(shell: Shell) -> None:
    for later in (day(-1), "tomorrow"):
        assert "is in the future" in refused(shell, 2, "lead", "capture", "--source", "web", "--occurred-at", later)


def test_a_line_of_bulk_may_happen_today(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(
        json.dumps({"stream": "lead-1", "command": "capture-lead", "fields": {"source": "x"}, "occurred_at": day()})
    )
    done(shell, "bulk", "b.jsonl")


def test_a_value_may_begin_with_a_dash(shell: Shell) -> None:
    opening = ("opportunity", "open", "opportunity-1", *STANDARD)
    done(shell, *opening, "--amount", "5 EUR", "--note", "- wants a call")
    assert document(shell("timeline", "opportunity-1", "--json"))[0]["event"]["note"] == "- wants a call"
    assert "negative" in refused(shell, 2, "opportunity", "change-amount", "opportunity-1", "--to", "-5 EUR")
    assert "requires an argument" in refused(shell, 2, *opening, "--amount", "5 EUR", "--note", "--json").replace(
        "\n", " "
    )


def test_a_difference_from_a_day_begins_as_the_waterfall_of_the_day_does(shell: Shell) -> None:
    for number, when in enumerate(("2026-02-02", "2026-02-02", "2026-02-05", "2026-02-08")):
        done(
            shell, "opportunity", "open", f"opportunity-{number}", *STANDARD, "--amount", "9 EUR", "--occurred-at", when
        )
    found = document(shell("diff", "2026-02-02", "2026-02-08", "--json"))
    waterfall = document(shell("metric", "waterfall", "--since", "2026-02-02", "--until", "2026-02-08", "--json"))
    assert found["counts"] == {"created": 4}
    assert found["waterfall"] == waterfall["rows"]


def test_periods_are_written_in_words(shell: Shell) -> None:
    done(shell, "opportunity", "open", "opportunity-1", *STANDARD, "--amount", "9 EUR", "--occurred-at", "2026-07-01")
    for words, dates in (
        (("Q3 2026", "Q3 2026"), ("2026-07-01", "2026-09-30")),
        (("2026-07", "2026-07"), ("2026-07-01", "2026-07-31")),
    ):
        rows = [
            document(shell("metric", "waterfall", "--since", a, "--until", b, "--json"))["rows"]
            for a, b in (words, dates)
        ]
        assert rows[0] == rows[1] != []
    done(shell, "metric", "waterfall", "--since", "last-quarter", "--until", "now")
    done(shell, "metric", "board", "--effective-at", "monday")
    done(shell, "metric", "waterfall", "--since", "this-quarter", "--until", "this-quarter", "--closes-until", "friday")
    assert "is not a date" in refused(shell, 2, "metric", "waterfall", "--since", "someday", "--until", "now")


# Codes and ids

WORDS = "Mrs Jane Roe is ill, call +49 170 0000000"


@every(
    ("field", "arguments"),
    [
        ("reason", ("opportunity", "lose", "opportunity-1", "--reason", WORDS)),
        ("competitor", ("opportunity", "lose", "opportunity-1", "--reason", "price", "--competitor", WORDS)),
        ("kind", ("opportunity", "complete-activity", "opportunity-1", "--activity", "a-1", "--kind", WORDS)),
        ("activity", ("opportunity", "complete-activity", "opportunity-1", "--activity", WORDS, "--kind", "call")),
        ("activity", (*SCHEDULE, "opportunity-1", "--activity", "a/1", "--kind", "call", "--due", "friday")),
        ("kind", (*SCHEDULE, "opportunity-1", "--activity", "a", "--kind", "Call", "--due", "friday")),
        ("reason", ("lead", "disqualify", "lead-1", "--reason", WORDS)),
        ("channel", ("lead", "contact", "lead-1", "--contact", "c-1", "--channel", WORDS)),
        ("contact", ("lead", "contact", "lead-1", "--contact", WORDS, "--channel", "call")),
        ("reason", ("opportunity", "lose", "opportunity-1", "--reason", "x" * 41)),
        ("reason", ("opportunity", "lose", "opportunity-1", "--reason", "price\n")),
        ("reason", ("opportunity", "correct", "opportunity-1", "--version", "2", "--reason", "typo", "--replacement",
                    json.dumps({"type": "opportunity-lost", "reason": WORDS}))),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:1]),
)  # fmt: skip
def test_words_about_people_are_no_code_and_no_id(shell: Shell, field: str, arguments: tuple[str, ...]) -> None:
    done(shell, "opportunity", "open", "opportunity-1", *STANDARD, "--amount", "9 EUR")
    done(shell, "opportunity", "lose", "opportunity-1", "--reason", "price", "--competitor", "acme", "--note", WORDS)
    done(shell, "lead", "capture", "lead-1", "--source", "web")
    text = refused(shell, 2, *arguments)
    assert f"{field}: " in text and "note" in text
    assert "0000000" not in text


@every("stream", ["lead-a\nb", "lead-\x1b[31mred", "lead-a\u202eb", "lead-../x",
                                    "lead-a\u200bb", "lead-../../etc",
                                    "lead-/../x", "lead-a\x7f", "lead-\u2028",
                                    "lead-a\u00a0b", "lead-..\\x"])  # fmt: skip
def test_an_id_that_cannot_be_seen_or_reads_like_a_path_is_refused(shell: Shell, stream: str) -> None:
    text = refused(shell, 2, "lead", "capture", stream, "--source", "web")
    assert "stream: " in text
    assert text.strip("\n").isprintable()


def test_ids_of_other_scripts_and_signs_are_taken(shell: Shell) -> None:
    for stream in ("lead-Zoë 7", "lead-東京", "lead-a..b", "lead-a/b", "lead-[/]", "lead-:100:"):
        done(shell, "lead", "capture", stream, "--source", "web")


# What reaches a terminal

HOSTILE = "\x1b[31m[/] :100: [bold]x\u202ey\nz\x07"


def test_nobodys_data_is_a_control_character_or_markup(shell: Shell) -> None:
    stream = "lead-[/]:100:"
    names = ("--company", HOSTILE, "--name", HOSTILE, "--note", HOSTILE, "--owner", HOSTILE, "--source", HOSTILE)
    deal = ("--account", HOSTILE, "--owner", HOSTILE, "--product", HOSTILE, "--note", HOSTILE, "--source", HOSTILE)
    done(shell, "lead", "capture", stream, *names, "--email", "a@b.example", "--actor", HOSTILE, "--why", HOSTILE)
    done(shell, "opportunity", "open", "opportunity-[/]", *STANDARD, "--amount", "9 EUR", *deal, "--actor", HOSTILE)
    done(shell, "opportunity", "set-next-step", "opportunity-[/]", "--text", HOSTILE, "--due", "friday")
    done(shell, "opportunity", "lose", "opportunity-[/]", "--reason", "price", "--note", HOSTILE)
    for arguments in (
        ("timeline", stream), ("timeline", "opportunity-[/]"), ("events",), ("events", "--open"),
        ("subject", "export", stream), ("subject", "find", "a@b.example"), ("metric", "win-rate", "--by", "owner"),
        ("explain", "win-rate", "--by", "source"),
        ("diff", "last-week", "this-week"), ("metric", "lead-conversion", "--by", "source"), ("status",), ("check",),
    ):  # fmt: skip
        out = done(shell, *arguments)
        assert all(line.isprintable() for line in out.split("\n")), out
        assert "\U0001f4af" not in out
    assert "\\x1b[31m[/] :100: [bold]x\\u202ey\\nz\\x07" in done(shell, "timeline", stream)


def test_a_refusal_shows_what_was_typed_in_characters_that_can_be_seen(shell: Shell) -> None:
    for arguments in (("metric", HOSTILE), ("timeline", f"lead-{HOSTILE}"), ("metric", "board", "--known-at", HOSTILE)):
        text = shell(*arguments)[2]
        assert text and all(line.isprintable() for line in text.split("\n")), text


UUID = "opportunity-0192aaaa-bbbb-7ccc-8ddd-00000000000"
LONG = ("--owner", "Anneliese von und zu Hohenstein", "--occurred-at", "2026-01-10", "--close-date", "2026-03-31")


@pytest.fixture
def busy(shell: Shell) -> Shell:
    """A log with large amounts, long names and ids."""
    for number in range(3):
        done(shell, "opportunity", "open", f"{UUID}{number}", *STANDARD, "--amount", "12345678901.25 USD", *LONG)
    done(shell, "opportunity", "win", f"{UUID}1", "--occurred-at", "2026-02-10")
    return shell


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_tables_fit_without_cutting_a_number_or_an_id(
    busy: Shell, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = ("--since", "Q1 2026", "--until", "Q1 2026")
    monkeypatch.setenv("COLUMNS", str(columns))
    for arguments, texts in (
        (("metric", "win-rate", *period), ["12,345,678,901.25"]),
        (("metric", "forecast", "--by", "owner", *period), ["12,345,678,901.25", "24,691,357,802.50"]),
        (("metric", "follow-up"), ["opportunity-0192aaaa-bbbb-7ccc-8ddd-000000000002", "12,345,678,901.25"]),
        (("metric", "waterfall", *period, "--by", "owner"), ["24,691,357,802.50"]),
        (("explain", "board"), ["opportunity-0192aaaa-bbbb-7ccc-8ddd-000000000002", "24,691,357,802.50"]),
        (("timeline", "opportunity-0192aaaa-bbbb-7ccc-8ddd-000000000001"), ["12,345,678,901.25 USD"]),
        (("diff", "2026-02-01", "2026-02-28"), ["opportunity-0192aaaa-bbbb-7ccc-8ddd-000000000001"]),
        (("events",), ["opportunity-0192aaaa-bbbb-7ccc-8ddd-000000000001"]),
    ):
        out = done(busy, *arguments)
        assert max(map(len, out.splitlines())) <= columns, out
        assert all(text in out for text in texts), out
        assert "…" not in out


def test_what_is_no_terminal_gets_tables_as_wide_as_they_are(busy: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    row = next(line for line in done(busy, "explain", "board").splitlines() if "-000000000002" in line)
    assert "12,345,678,901.25" in row and len(row) > 120


def test_a_timeline_is_in_the_organisations_time_with_its_offset(shell: Shell) -> None:
    done(shell, "calendar", "set", "calendar-organisation", "--zone", "Europe/Berlin")
    done(shell, "lead", "capture", "lead-1", "--source", "web", "--occurred-at", "2026-01-10")
    assert "2026-01-10" in (out := done(shell, "timeline", "lead-1")) and "23:59:59+01:00" in out
    assert document(shell("timeline", "lead-1", "--json"))[0]["occurred_at"].startswith("2026-01-10T22:59:59")
    assert "as true 2026-07-01 23:59+02:00" in done(shell, "metric", "board", "--effective-at", "2026-07-01")


# Repeated requests, and what there is not


def test_a_command_id_asked_again_gets_the_first_answer(shell: Shell) -> None:
    for more in ((), ("--name", "Jo", "--note", "calls back")):
        verb = ("lead", "capture", "--source", "website", "--command-id", f"k{len(more)}", *more)
        first, again = (document(shell(*verb, "--json")) for _ in range(2))
        assert (first["repeated"], again["repeated"]) == (False, True)
        assert (again["stream"], again["facts"], again["position"]) == (
            first["stream"],
            first["facts"],
            first["position"],
        )
    assert document(shell("metric", "lead-conversion", "--json"))["rows"][0]["captured"] == 2


def test_a_deal_is_not_won_in_another_currency_without_a_word(shell: Shell) -> None:
    done(shell, "opportunity", "open", "opportunity-1", *STANDARD, "--amount", "5 KWD")
    text = refused(shell, 4, "opportunity", "win", "opportunity-1", "--amount", "500 EUR")
    assert "the deal is in KWD, not in EUR" in text
    done(shell, "opportunity", "change-amount", "opportunity-1", "--to", "500 EUR")
    done(shell, "opportunity", "win", "opportunity-1", "--amount", "500 EUR")


@pytest.mark.parametrize(
    ("metric", "filter_", "value", "there"),
    [
        ("board", "pipeline", "standard", "process-standard"),
        ("board", "team", "north", "team-northern"),
        ("board", "currency", "usd", "USD"),
        ("board", "owner", "Anne", "ann"),
        ("board", "product", "plan b", "plan a"),
        ("board", "source", "web", "website"),
        ("time-in-stage", "stage", "Discovery", "discovery"),
        ("lead-conversion", "source", "fare", "fair"),
    ],
)
def test_a_filter_by_what_there_is_not_lists_what_there_is(
    shell: Shell, metric: str, filter_: str, value: str, there: str
) -> None:
    done(shell, "opportunity", "open", "opportunity-1", *STANDARD, "--amount", "5 USD", "--owner", "ann", "--source",
         "website", "--product", "plan a")  # fmt: skip
    done(shell, "lead", "capture", "lead-1", "--source", "fair")
    done(shell, "team", "change", "team-northern", "--name", "North", "--members", "ann")
    text = refused(shell, 3, "metric", metric, f"--{filter_}", value)
    assert f"{filter_}: there is no '{value}'; there " in text and there in text
    refused(shell, 3, "explain", metric, f"--{filter_}", value)
    done(shell, "metric", metric, f"--{filter_}", there)


def test_a_stage_of_a_figure_that_is_not_about_one_is_an_error(shell: Shell) -> None:
    assert "not about one stage" in refused(shell, 2, "metric", "board", "--stage", "Discovery")


def test_a_correction_names_the_win_that_it_leaves_and_the_command_that_mends_it(shell: Shell) -> None:
    done(
        shell,
        "opportunity",
        "open",
        "opportunity-1",
        *STANDARD,
        "--amount",
        "180,000 EUR",
        "--occurred-at",
        "2026-01-10",
    )
    done(shell, "opportunity", "win", "opportunity-1", "--occurred-at", "2026-02-10")
    opening = document(shell("timeline", "opportunity-1", "--json"))[0]["event"]
    right = {**opening, "type": "opportunity-opened", "amount": {"amount": "18000", "currency": "EUR"}}
    correcting = (
        "opportunity",
        "correct",
        "opportunity-1",
        "--version",
        "1",
        "--reason",
        "a zero too many",
        "--replacement",
    )
    code, _, err = shell(*correcting, json.dumps(right))
    assert code == 0
    assert "opportunity-1 was won for 180,000.00 EUR in version 2" in err
    words = shlex.split(err.partition("To correct it too: dealtrail ")[2])
    done(shell, *words)
    [row] = document(shell("metric", "win-rate", "--json"))["rows"]
    assert row["won_amount"] == "18000.00"
