"""Many commands from a file: each is carried out or refused on its own, and each is answered by a line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.cli import bulk
from infra.cli.main import run
from infra.store import Log

Bulk = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def ask(log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bulk:
    """Sends lines, as JSON unless they are text already, to a log: exit code, answers, stderr."""
    monkeypatch.setenv("DEALTRAIL_DB", log_url)
    monkeypatch.setenv("DEALTRAIL_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DEALTRAIL_ACTOR", "ann")
    file = tmp_path / "commands.jsonl"

    def send(*lines: dict[str, Any] | str) -> tuple[int, list[dict[str, Any]], str]:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file.write_bytes("".join(f"{text}\n" for text in texts).encode(errors="surrogateescape"))
        code = run(["bulk", str(file)])
        printed = capsys.readouterr()
        return code, [json.loads(answer) for answer in printed.out.splitlines()], printed.err

    return send


def line(stream: str, verb: str, /, **fields: Any) -> dict[str, Any]:
    return {"stream": stream, "command": verb, "fields": fields}


def opened(name: str, **fields: Any) -> dict[str, Any]:
    amount = {"amount": "100.00", "currency": "EUR"}
    return line(name, "open-opportunity", process="process-standard", amount=amount, **fields)


def done(line: int, *facts: tuple[str, int, str]) -> dict[str, Any]:
    happened = [{"stream": stream, "version": version, "event": tag} for stream, version, tag in facts]
    return {"line": line, "ok": True, "facts": happened}


def test_a_byte_order_mark_is_no_part_of_the_first_line(ask: Bulk) -> None:
    code, answers, _ = ask("\ufeff" + json.dumps(opened("opportunity-1")), opened("opportunity-2"))
    assert (code, [answer["ok"] for answer in answers]) == (0, [True, True])


def test_deals_move_out_of_a_retired_stage_in_bulk_and_the_one_that_is_refused_leaves_the_rest(ask: Bulk, log: Log):
    deals = [f"opportunity-{number}" for number in range(1, 5)]
    code, _, _ = ask(
        *(opened(deal, stage="proposal") for deal in deals),
        line("opportunity-2", "lose-opportunity", reason="price"),
        line("process-standard", "retire-stage", stage="proposal", map_to="negotiation"),
    )
    assert code == 0
    code, answers, _ = ask(*(line(deal, "change-stage", to="negotiation") for deal in [*deals, "opportunity-1"]))
    assert code == 4
    assert [answers[n] for n in (0, 2, 3, 4)] == [
        done(1, ("opportunity-1", 2, "stage-changed")),
        done(3, ("opportunity-3", 2, "stage-changed")),
        done(4, ("opportunity-4", 2, "stage-changed")),
        done(5),  # it is there already
    ]
    refused = answers[1]
    assert (refused["line"], refused["ok"], refused["error"]) == (2, False, "Rejected")
    assert "the opportunity is lost (price)" in refused["detail"]
    assert list(refused) == ["line", "ok", "error", "detail"]
    assert len(log.histories(["opportunity-2"])["opportunity-2"]) == 2


def test_a_line_that_is_no_command_is_named_by_its_number_and_the_others_are_carried_out(ask: Bulk, log: Log):
    code, answers, _ = ask(
        "{",
        "",
        "[1]",
        line("opportunity-1", "sell"),
        {"stream": "opportunity-1", "command": "open-opportunity", "colour": "red"},
        opened("opportunity-1", colour="red"),
        opened("lead-1"),
        {**opened("opportunity-1"), "occurred_at": "yesterday"},
        {**opened("opportunity-1"), "occurred_at": "2999-01-01"},
        {**opened("opportunity-1"), "expected_version": "none"},
        line("opportunity-1", "change-amount", to={"amount": 1.5, "currency": "EUR"}),
        '{"stream": "opportunity-1", "command": "\udcff"}',
        opened("opportunity-1"),
    )
    assert code == 4
    assert [(answer["line"], answer["ok"]) for answer in answers] == [(line, line == 13) for line in (1, *range(3, 14))]
    errors = {answer["line"]: (answer["error"], answer["detail"]) for answer in answers[:-1]}
    assert {error for error, _ in errors.values()} == {"Malformed", "NotFound"}
    assert "the body is not JSON" in errors[1][1]
    assert errors[4] == ("NotFound", errors[4][1])
    assert "colour: there is no such field" in errors[5][1]
    assert "is in the future" in errors[9][1]
    assert 'such as "1.5"' in errors[11][1]
    assert answers[-1] == done(13, ("opportunity-1", 1, "opportunity-opened"))
    assert [fact.tag for fact in log.facts(["opportunity-1"], log.head())["opportunity-1"]] == ["opportunity-opened"]


def test_of_a_line_everything_happens_or_nothing(ask: Bulk, log: Log):
    lead = [
        line("lead-1", "capture-lead", source="web", company="Acme"),
        line("lead-1", "qualify-lead", override_reason="known"),
        opened("opportunity-1"),
    ]
    assert ask(*lead)[0] == 0
    amount = {"amount": "5.00", "currency": "EUR"}
    wanted = {"process": "process-standard", "amount": amount}
    code, answers, _ = ask(
        line("lead-1", "convert-lead", opportunity="opportunity-1", **wanted),  # another deal has that name
        line("lead-1", "convert-lead", opportunity="opportunity-2", **wanted),
        line("opportunity-2", "win-opportunity"),
    )
    assert (code, answers[0]["error"]) == (4, "Rejected")
    assert answers[1] == done(2, ("lead-1", 3, "lead-converted"), ("opportunity-2", 1, "opportunity-opened"))
    assert [fact["event"] for fact in answers[2]["facts"]] == ["opportunity-won", "customer-opened"]
    assert len(log.histories(["opportunity-1"])["opportunity-1"]) == 1


def test_each_line_has_its_envelope_and_may_be_sent_again(ask: Bulk, log: Log):
    envelope = {
        "occurred_at": "2026-01-31", "actor": "bob", "reason": "moved over", "command_id": "c-1",
        "correlation_id": "talk-1", "on_behalf_of": "cleo",
    }  # fmt: skip
    lines = [{**opened("opportunity-1"), **envelope}, {**opened("opportunity-2"), "command_id": "c-1"}]
    first, again = ask(*lines), ask(*lines)
    assert first == again == (0, first[1], "")
    [kept] = log.histories(["opportunity-1"])["opportunity-1"]
    assert (kept.actor, kept.command_id, kept.correlation_id) == ("bob", "c-1", "talk-1")
    assert f"{kept.occurred_at:%Y-%m-%d %H:%M}" == "2026-01-31 23:59"
    assert kept.reason.startswith("sealed:")
    assert log.histories(["opportunity-2"])["opportunity-2"][0].actor == "ann"
    code, answers, _ = ask({**opened("opportunity-3"), "command_id": "c-1"})
    assert (code, answers[0]["error"]) == (4, "KeyReused")


def test_a_line_that_expects_another_version_is_told_what_came_first(ask: Bulk):
    code, answers, _ = ask(
        {**opened("opportunity-1"), "expected_version": 0},
        {**line("opportunity-1", "change-stage", to="proposal"), "expected_version": 1},
        {**line("opportunity-1", "change-stage", to="negotiation"), "expected_version": 1},
    )
    assert (code, [answer["ok"] for answer in answers]) == (4, [True, True, False])
    assert answers[2]["error"] == "Conflict"
    assert answers[2]["detail"] == (
        "opportunity-1 is at version 2, the decision was made at version 1; stage-changed came first: read it again"
    )


def test_a_file_longer_than_a_batch_is_answered_line_by_line(ask: Bulk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "BATCH", 3)
    lines = [opened("opportunity-1"), *(line("opportunity-1", "change-owner", to=f"user {n}") for n in range(7))]
    code, answers, _ = ask(*lines)
    assert (code, [answer["line"] for answer in answers]) == (0, list(range(1, 9)))
    assert answers[-1] == done(8, ("opportunity-1", 8, "owner-changed"))


def test_a_file_that_is_not_there_is_not_found(ask: Bulk, capsys: pytest.CaptureFixture[str]):
    assert run(["bulk", "nowhere.jsonl"]) == 3
    assert "there is no file nowhere.jsonl" in capsys.readouterr().err


def adjusting(**changes: Any) -> dict[str, Any]:
    fields = {
        "holder": "ann", "start": "2026-01-01", "end": "2026-03-31", "category": "commit", "reason": "I know better",
        "amount": {"amount": "5.00", "currency": "EUR"},
    }  # fmt: skip
    return {**line("forecast-2026", "adjust-forecast", **(fields | changes)), "command_id": "c-1"}


def test_an_adjustment_under_a_command_id_of_something_else_is_refused_alone(ask: Bulk):
    used = {**opened("opportunity-1"), "command_id": "c-1"}
    code, answers, _ = ask(used, adjusting(), opened("opportunity-2"))
    assert (code, [answer["ok"] for answer in answers]) == (4, [True, False, True])
    assert answers[1]["error"] == "KeyReused"
    moved = {**line("opportunity-1", "change-stage", to="proposal"), "command_id": "c-2"}
    code, answers, _ = ask(moved, {**adjusting(), "command_id": "c-2"}, {**adjusting(), "command_id": "c-3"})
    assert [answer.get("error") for answer in answers] == [None, "KeyReused", None]


def test_an_adjustment_that_changed_nothing_may_be_sent_again(ask: Bulk):
    same = {**adjusting(), "command_id": "c-2"}
    assert ask(adjusting(), same, same, adjusting())[0] == 0


def test_whatever_a_line_holds_the_others_are_carried_out(ask: Bulk, log: Log):
    deep = "[" * 100_000
    odd: list[dict[str, Any] | str] = [
        "9" * 5000,
        deep,
        '{"stream": ' + deep,
        '{"stream":' * 5000 + "1" + "}" * 5000,
        json.dumps({**opened("opportunity-1"), "reason": "x" * 1_500_000}),
        opened("opportunity-1", account="x" * 1_500_000),
        opened("opportunity-" + "x" * 1_500_000),
        {**opened("opportunity-1"), "command_id": "x" * 1_500_000, "stream": 7},
        "\udcff\udcfe",
        '{"stream": "opportunity-1\\udc80", "command": "open-opportunity"}',
        *({**adjusting(), name: "\0"} for name in ("stream", "actor", "command_id", "reason")),
        *({**adjusting(), name: value} for name in ("stream", "fields", "occurred_at") for value in (1, [], True)),
        {**adjusting(), "stream": "lead-1"},
        line("", "change-team", name="North"),
        {**adjusting(), "occurred_at": "9999-12-30"},
        adjusting(holder="team-\0"),
        adjusting(amount={"amount": "1e400", "currency": "EUR"}),
        adjusting(amount={"amount": "NaN", "currency": "EUR"}),
        adjusting(start="2026-13-01"),
        adjusting(end="9999-12-31"),
        {**opened("opportunity-1"), "expected_version": 10**30},
        {**opened("opportunity-1"), "expected_version": -1},
        {**opened("opportunity-1"), "stream": "opportunity-1", "occurred_at": "0001-01-01T00:00:00+14:00"},
    ]
    code, answers, err = ask(*odd, opened("opportunity-1"))
    assert (code, err) == (4, "")
    assert [answer["line"] for answer in answers] == list(range(1, len(odd) + 2))
    last = done(len(odd) + 1, ("opportunity-1", 1, "opportunity-opened"))
    assert [answer for answer in answers if answer["ok"]] == [last]
