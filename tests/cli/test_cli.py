"""The command line answers people and programs: tables or one JSON document, and exit codes that mean something."""

import json
from importlib.metadata import version
from pathlib import Path

from domain import DECIDERS
from infra.application.names import name_of
from projections import METRICS
from tests.cli.program import Shell, dealtrail, document, process
from tests.offenders import every


def opened(shell: Shell, name: str = "opportunity-1", *more: str) -> None:
    assert shell("opportunity", "open", name, "--process", "process-standard", "--amount", "100.50 EUR", *more)[0] == 0


def test_every_command_of_the_domain_is_a_verb_with_help(shell: Shell) -> None:
    _, everything, _ = shell("--help")
    for decider in DECIDERS:
        code, out, _ = shell(decider.kind, "--help")
        assert code == 0 and decider.kind in everything
        for command in decider.commands:
            noun, verb = name_of(command, decider.kind)
            assert f"  {verb}" in out
            assert shell(noun, verb, "--help")[0] == 0


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    assert shell("--version") == (0, f"{version('dealtrail')}\n", "")


def test_a_command_answers_with_its_facts_and_their_position(shell: Shell) -> None:
    arguments = (
        "lead",
        "capture",
        "lead-1",
        "--source",
        "web",
        "--email",
        "a@b.example",
        "--json",
        "--command-id",
        "x",
    )
    first = document(shell(*arguments))
    assert first == {
        "stream": "lead-1",
        "position": 3,
        "repeated": False,
        "facts": [{"stream": "lead-1", "version": 1, "event": "lead-captured"}],
    }
    again = document(shell(*arguments))
    assert (again["facts"], again["repeated"]) == (first["facts"], True)
    code, _, err = shell("lead", "capture", "lead-1", "--source", "fair", "--command-id", "x")
    assert (code, "KeyReused" in err) == (2, True)


def test_a_lead_without_a_name_is_given_one(shell: Shell) -> None:
    assert document(shell("lead", "capture", "--source", "web", "--json"))["stream"].startswith("lead-0")


@every(
    ("arguments", "code", "said"),
    [
        (("metric", "nope"), 3, "there is no metric 'nope'"),
        (("timeline", "lead-none"), 3, "lead-none: nothing was ever recorded of it"),
        (("metric",), 2, "metric --list names them"),
        (("metric", "board", "--colour"), 2, "--colour"),
        (("metric", "board", "--known-at", "999"), 2, "known_at: position 999 is not reached yet"),
        (("metric", "board", "--known-at", "someday"), 2, "known_at: 'someday' is not a date"),
        (("metric", "funnel", "--mode", "upside-down"), 2, "mode: funnel has reached_or_beyond"),
        (("metric", "board", "--since", "2026-01-01"), 2, "board is asked at a moment"),
        (("opportunity", "win", "opportunity-1"), 4, "the opportunity is not opened yet"),
        (("opportunity", "win", "lead-1"), 2, "asked of a stream named opportunity-"),
        (
            ("opportunity", "change-amount", "opportunity-1", "--to", "12"),
            2,
            "to: '12' is not an amount with its currency",
        ),
        (("opportunity", "change-amount", "opportunity-1", "--to", "1.234 EUR"), 2, "more than 2 decimal places"),
        (("opportunity", "change-close-date", "opportunity-1", "--to", "31.1.2026"), 2, "to"),
        (("lead", "capture", "lead-1", "--source", "web", "--occurred-at", "2999-01-01"), 2, "is in the future"),
        (("import", "maven", "nowhere"), 3, "no such file"),
        (("import", "excel", "nowhere"), 2, "excel"),
        (("simulate", "--opportunities", "0"), 2, "opportunities: 0"),
        (("simulate", "--until", "2999-01-01"), 2, "until"),
        (("status", "--db", "mysql://x"), 2, "sqlite:///FILE or postgresql://"),
        (("status", "--db", "sqlite:////nowhere/at/all.db"), 3, "no such log: /nowhere/at/all.db"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_says_why_and_ends_with_its_code(
    shell: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended, out, err = shell(*arguments)
    assert (ended, out) == (code, "")
    assert said in err
    ended, out, err = shell(*arguments, "--json")
    assert (ended, out) == (code, "")
    assert said in json.loads(err)["detail"]


def test_a_metric_in_json_says_what_it_is_and_when_it_is_for(shell: Shell) -> None:
    opened(shell)
    answer = document(
        shell("metric", "board", "--json", "--pipeline", "process-standard", "--effective-at", "2999-01-31")
    )
    assert set(answer) == {
        "metric",
        "definition",
        "position",
        "known_at",
        "effective_at",
        "filters",
        "rows",
        "left_out",
        "newest_fact_at",
        "notes",
    }
    assert answer["filters"] == {"pipeline": "process-standard"}
    assert answer["effective_at"] == "2999-01-31T23:59:59.999999Z"
    [row] = answer["rows"]
    assert (row["stage"], row["deals"], row["amount"], row["currency"]) == ("discovery", 1, "100.50", "EUR")


def test_both_time_axes_move_a_figure(shell: Shell) -> None:
    opened(shell, "opportunity-1", "--occurred-at", "2026-01-10")
    before = document(shell("status", "--json"))["position"]
    arguments = ("opportunity", "change-amount", "opportunity-1", "--to", "70 EUR", "--occurred-at", "2026-02-10")
    assert shell(*arguments)[0] == 0

    def amount(*moment: str) -> str | None:
        rows = document(shell("metric", "board", "--json", *moment))["rows"]
        return rows[0]["amount"] if rows else None

    assert amount() == "70.00"
    assert amount("--known-at", str(before)) == "100.50"
    assert amount("--effective-at", "2026-02-09") == "100.50"
    assert amount("--effective-at", "2026-01-09") is None
    assert amount("--known-at", "2026-01-01") is None  # nothing was recorded by then
    assert amount("--known-at", str(before), "--effective-at", "2026-03-01") == "100.50"


def test_the_list_of_metrics_names_each_with_its_definition(shell: Shell) -> None:
    listed = document(shell("metric", "--list", "--json"))
    assert set(listed) == set(METRICS)
    assert all(len(entry["definition"]) > 40 for entry in listed.values())
    assert all(name in shell("metric", "--list")[1] for name in METRICS)


def test_a_timeline_opens_what_is_sealed_and_flags_what_is_back_dated(shell: Shell) -> None:
    opened(shell, "opportunity-1", "--occurred-at", "2026-01-10", "--note", "a friend of Ada's")
    shell("opportunity", "change-stage", "opportunity-1", "--to", "proposal", "--occurred-at", "2026-03-10")
    shell(
        "opportunity",
        "change-amount",
        "opportunity-1",
        "--to",
        "70 EUR",
        "--occurred-at",
        "2026-02-10",
        "--why",
        "new offer",
    )
    first, second, third = document(shell("timeline", "opportunity-1", "--json"))
    assert first["event"]["note"] == "a friend of Ada's"
    assert (second["flags"], third["flags"], third["reason"]) == ([], ["back-dated"], "new offer")
    assert "100.50 EUR → 70.00 EUR" in shell("timeline", "opportunity-1")[1]


def test_a_back_dated_loss_that_would_make_a_later_fact_impossible_is_refused_naming_it(shell: Shell) -> None:
    opened(shell, "opportunity-1", "--occurred-at", "2026-01-10")
    shell("opportunity", "change-stage", "opportunity-1", "--to", "proposal", "--occurred-at", "2026-03-10")
    code, _, err = shell("opportunity", "lose", "opportunity-1", "--reason", "price", "--occurred-at", "2026-02-01")
    assert code == 4
    assert "stage-changed, version 2, of 2026-03-10 23:59:59Z" in err


def test_status_says_where_the_log_and_its_tables_stand(shell: Shell) -> None:
    opened(shell)
    assert document(shell("status", "--json"))["views"] == {"position": 0, "lag": 3}
    shell("metric", "board")
    assert document(shell("status", "--json"))["views"] == {"position": 3, "lag": 0}
    assert "0 behind" in shell("status")[1]


def test_a_process_may_come_from_a_file_and_a_bad_one_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[{")
    arguments = ("process", "publish", "process-x", "--name", "X", "--stages")
    assert shell(*arguments, "@none.json")[0] == 3
    assert shell(*arguments, "@bad.json")[0] == 2
    code, _, err = shell(*arguments, "[]")
    assert (code, "stages: 0 given" in err) == (2, True)


def test_no_color_is_honoured(tmp_path: Path) -> None:
    ran = process("metric", "--list", folder=tmp_path, NO_COLOR="1")
    assert ran.code == 0
    assert "\x1b[" not in ran.out


def test_json_answers_leave_stdout_to_the_document_alone(tmp_path: Path) -> None:
    ran = dealtrail("simulate", "--opportunities", "3", "--until", "2026-06-30", "--json", folder=tmp_path)
    assert ran.document()["opportunities"] == 3


def test_a_version_that_others_have_passed_is_refused_naming_what_came_first(shell: Shell) -> None:
    opened(shell, "opportunity-1", "--expect-version", "0")
    assert shell("opportunity", "change-stage", "opportunity-1", "--to", "proposal", "--expect-version", "1")[0] == 0
    code, _, err = shell("opportunity", "change-stage", "opportunity-1", "--to", "negotiation", "--expect-version", "1")
    assert code == 4
    assert "opportunity-1 is at version 2, the decision was made at version 1; stage-changed came first" in err
    assert (
        shell("opportunity", "change-stage", "opportunity-1", "--to", "negotiation", "--expect-version", "two")[0] == 2
    )


@every(
    "verb",
    [
        (
            "kafka",
            "publish",
        ),
        ("kafka", "topics", "apply"),
        ("kafka", "topics", "check"),
    ],
)
def test_where_no_broker_is_named_no_log_is_created(tmp_path: Path, verb: tuple[str, ...]) -> None:
    ran = dealtrail(*verb, "--db", "sqlite:///log.db", folder=tmp_path)
    assert (ran.code, "kafka.servers: name a broker" in ran.err) == (2, True)
    assert [*tmp_path.iterdir()] == []
