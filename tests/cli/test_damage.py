"""Logs that are damaged: what cannot be read or is missing is named, and no verb ends in a traceback."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.store import Log, open_log
from infra.store.copying import copy
from infra.store.leases import RELAY, open_leases
from infra.store.log import Append
from infra.views import Views
from tests.cli.program import Shell, dealtrail
from tests.projections.test_views import grow
from tests.store.damage import damage
from tests.store.drafts import drafted, erasure
from tests.thorough import examples

FLIPS = 40
UNICODE = (1206, 1299)  # seeds of bits in the schema's text, at which SQLite's own message is no UTF-8
VERBS = (
    ("check",), ("check", "--json"), ("status",), ("log", "digest"), ("metric", "board"),
    ("timeline", "opportunity-1"), ("events", "--limit", "50"),
)  # fmt: skip


@pytest.fixture
def faults(shell: Shell) -> Callable[..., list[tuple[str, int, str, int]]]:
    """What a verb names: kind, position, stream and version; `check` ends with 1 where there is anything."""

    def named(verb: str = "check", *options: str) -> list[tuple[str, int, str, int]]:
        code, out, err = shell(verb, "--json", *options)
        assert "{" in out, err
        found = json.loads(out)["faults"]
        if verb == "check":
            assert (code == 1) >= bool(found)
            assert shell(verb, *options)[0] == code
        return [(each["kind"], each["position"], each["stream"], each["version"]) for each in found]

    return named


@pytest.fixture
def grown(log: Log, log_url: str) -> Log:
    """A log with tables made before anything happens to it."""
    grow(log, 6)
    with Views.open(log_url, log) as views:
        views.catch_up()
    return log


def test_a_whole_log_has_no_faults(grown: Log, faults: Any):
    assert faults() == faults("status") == []


def test_a_hole_in_a_stream_is_named(grown: Log, log_url: str, faults: Any, shell: Shell):
    damage(log_url, "DELETE FROM stored_events WHERE originator_id = 'opportunity-1' AND originator_version = 2")
    assert ("hole", 7, "opportunity-1", 3) in faults()
    assert "has no version 2" in shell("check")[1]


def test_the_newest_event_that_is_gone_is_named_also_after_the_tables_were_made_anew(
    grown: Log, log_url: str, faults: Any, shell: Shell
):
    head = grown.head()
    damage(log_url, f"DELETE FROM stored_events WHERE notification_id = {head}")
    assert ("gone", head, "", 0) in faults() and ("gone", head, "", 0) in faults("status")
    assert "which it has not any more" in json.loads(shell("status", "--json")[1])["strayed"]
    code, _, err = shell("metric", "board")
    assert code == 0 and "makes them anew" in err
    assert ("gone", head, "", 0) in faults()


def test_an_event_that_the_relay_has_published_and_the_log_lost_is_named(log: Log, log_url: str, faults: Any):
    grow(log, 1)
    leases = open_leases(log_url)
    held = leases.take(RELAY, "somebody")
    assert held is not None and leases.keep(RELAY, held.epoch, 9, "")
    leases.close()
    assert ("gone", 9, "", 0) in faults("status")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("state = {flipped}", "unreadable"),
        ("occurred_at = 9000000000000000000", "unreadable"),
        ("recorded_at = 1", "order"),
    ],
)
def test_a_row_that_cannot_be_read_or_is_out_of_order_is_named_and_no_verb_ends_in_a_traceback(
    grown: Log, log_url: str, faults: Any, shell: Shell, change: str, kind: str
):
    flipped = "x'7b22ff'" if log_url.startswith("sqlite") else r"'\x7b22ff'"
    where = "originator_id = 'opportunity-1' AND originator_version = 2"
    damage(log_url, f"UPDATE stored_events SET {change.format(flipped=flipped)} WHERE {where}")
    assert (kind, 6, "opportunity-1", 2) in faults()
    for verb in VERBS:
        code, _, err = shell(*verb)
        assert code in (0, 1)
        if kind == "unreadable" and verb[0] in ("log", "timeline", "events"):
            assert code == 1 and "position 6 (opportunity-1, version 2)" in err


def test_keys_that_went_without_a_fact_and_keys_that_came_back_are_named(log: Log, log_url: str, faults: Any):
    log.append(Append([drafted("lead-1", 1)], keys={"lead-1": b"k", "lead-2": b"k", "lead-3": b"k"}))
    log.append(Append([erasure("lead-1"), erasure("lead-2")], erase=["lead-1", "lead-2"]))
    log.append(Append((), erase=["index"]))
    assert faults() == []
    key, empty = ("x'01'", "x''") if log_url.startswith("sqlite") else (r"'\x01'", "''")
    damage(
        log_url,
        f"UPDATE stored_keys SET wrapped = {key} WHERE subject = 'lead-2'",
        f"UPDATE stored_keys SET wrapped = {empty} WHERE subject = 'lead-3'",
    )
    assert faults() == [("key", 0, "subject-lead-2", 0), ("key", 0, "subject-lead-3", 0)]


@pytest.fixture
def kept(grown: Log, shell: Shell, tmp_path: Path) -> Path:
    """What an auditor kept of a log."""
    file = tmp_path / "kept.json"
    file.write_text(shell("log", "digest", "--json")[1])
    return file


def test_a_log_that_holds_what_was_kept_of_it_differs_in_nothing_however_it_was_kept(
    kept: Path, grown: Log, shell: Shell, faults: Any, log_url: str
):
    lines = kept.with_name("kept.txt")
    lines.write_text(shell("log", "digest")[1])
    grow(grown, 2, first=6)  # the log has gone on since
    assert faults("check", "--against", str(kept)) == faults("check", "--against", str(lines)) == []
    where = {"DEALTRAIL_DB": log_url, "DEALTRAIL_KEY_FILE": str(kept.with_name("key"))}
    ran = dealtrail("check", "--against", "-", folder=kept.parent, stdin=kept.read_text(), **where)
    assert (ran.code, ran.err) == (0, "")
    ran = dealtrail("check", "--against", "-", folder=kept.parent, stdin="nothing", **where)
    assert ran.code == 2 and "against: identity: is missing" in ran.err


def test_a_newest_event_that_only_a_kept_digest_has_seen_is_named(kept: Path, grown: Log, log_url: str, faults: Any):
    head = grown.head()
    damage(log_url, f"DELETE FROM stored_events WHERE notification_id = {head}")
    assert ("gone", head, "", 0) in faults("check", "--against", str(kept))


def test_a_log_cut_off_and_its_tables_made_anew_is_named_by_the_kept_digest_alone(
    grown: Log, log_url: str, faults: Any, shell: Shell, tmp_path: Path
):
    """As after a backup was put back elsewhere: nothing but the digest remembers what came later."""
    head = grown.head()
    other = f"sqlite:///{tmp_path / 'cut.db'}"
    assert shell("log", "copy", "--to", str(head - 1), "--db", other)[0] == 0
    digest = json.loads(shell("log", "digest", "--json")[1])
    digest["identity"] = json.loads(shell("log", "digest", "--json", "--db", other)[1])["identity"]
    (tmp_path / "kept").write_text(json.dumps(digest))
    assert faults("check", "--db", other) == []
    assert faults("check", "--db", other, "--against", str(tmp_path / "kept")) == [("gone", head, "", 0)]


def test_another_log_and_another_history_are_named_by_a_kept_digest(
    kept: Path, grown: Log, log_url: str, faults: Any, shell: Shell, tmp_path: Path
):
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert shell("log", "copy", "--db", other)[0] == 0
    assert faults("check", "--db", other, "--against", str(kept)) == [("identity", 0, "", 0)]
    named = json.loads(kept.read_text())["identity"]
    assert f"the digest was kept of {named}" in shell("check", "--db", other, "--against", str(kept))[1]
    damage(log_url, "UPDATE stored_events SET actor = 'eve' WHERE originator_id = 'opportunity-1'")
    assert faults() == []  # no table holds who did it
    assert faults("check", "--against", str(kept)) == [("digest", grown.head(), "", 0)]


def test_a_stream_that_is_gone_from_the_middle_is_named_by_a_kept_digest(
    kept: Path, grown: Log, log_url: str, faults: Any, shell: Shell
):
    damage(log_url, "DELETE FROM stored_events WHERE originator_id = 'opportunity-1'")
    assert ("digest", grown.head(), "", 0) in faults("check", "--against", str(kept))
    assert "holds 16 events" in (out := shell("check", "--against", str(kept))[1]) and "kept were 19" in out


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_positions_that_are_gone_are_named_although_nothing_kept_remembers_them(
    grown: Log, log_url: str, faults: Any, shell: Shell
):
    damage(log_url, "DELETE FROM stored_events WHERE originator_id IN ('process-p', 'opportunity-1')")
    shell("rebuild")
    assert faults() == [("gone", 1, "", 0), ("gone", 5, "", 0)]
    assert "no event stands from 5 to 7" in shell("check")[1]


def test_the_gaps_that_a_copy_brought_are_no_faults_and_what_goes_from_it_is(
    grown: Log, log_url: str, faults: Any, tmp_path: Path
):
    damage(log_url, "DELETE FROM stored_events WHERE originator_id = 'opportunity-1'")  # as an append rolled back
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    copy(grown, url, grown.head())
    assert faults("check", "--db", url) == []
    damage(url, "DELETE FROM stored_events WHERE originator_id = 'opportunity-3'")
    assert faults("check", "--db", url) == [("gone", 11, "", 0)]


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_appends_that_fail_leave_no_gap(log: Log, log_url: str, faults: Any):
    with sqlite3.connect(log_url.removeprefix("sqlite:///")) as file:
        file.execute(
            "CREATE TRIGGER late AFTER INSERT ON stored_events WHEN NEW.originator_id = 'lead-2' "
            "BEGIN SELECT RAISE(ABORT, 'refused after others were inserted'); END"
        )
    file.close()
    for number in (1, 2, 3):
        log.append(Append([drafted(f"lead-{number}0", 1)]))
        with pytest.raises(sqlite3.IntegrityError, match="refused after"):
            log.append(Append([drafted("lead-1", 1), drafted("lead-1", 2), drafted("lead-2", 1)]))
    assert log.head() == 3 and faults() == []


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_what_cannot_be_read_has_no_digest_to_compare(kept: Path, grown: Log, log_url: str, faults: Any):
    damage(log_url, "UPDATE stored_events SET state = 'text' WHERE notification_id = 6")
    assert ("unreadable", grown.head(), "", 0) in faults("check", "--against", str(kept))


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"identity": None}, "identity", "Expected `str`"),
        ({"identity": "f" * 31}, "identity", "matching regex"),
        ({"position": -1}, "position", ">= 0"),
        ({"position": "x"}, "position", "Expected `int`"),
        ({"facts": []}, "facts", "Expected `int`"),
        ({"events": "F" * 64}, "events", "matching regex"),
    ],
)
def test_a_kept_digest_that_is_none_names_the_field_and_the_reason(
    kept: Path, shell: Shell, change: dict[str, Any], field: str, reason: str
):
    kept.write_text(json.dumps(json.loads(kept.read_text()) | change))
    code, _, err = shell("check", "--against", str(kept))
    assert code == 2 and f"against: {field}: " in err and reason in err


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_a_file_that_is_no_kept_digest_is_refused_before_the_log_is_looked_at(kept: Path, shell: Shell):
    whole = kept.read_bytes()
    for content in (b"", b"{", b"[]", b"\xff", b"{" * 10_000, b"{}", b'{"identity":"\xff"}', whole[:-9], whole + b"}"):
        kept.write_bytes(content)
        code, _, err = shell("check", "--against", str(kept))
        assert (code, "against: " in err) == (2, True), content
    assert shell("check", "--against", str(kept.with_name("none")))[0] == 3


def flip(file: Path, seed: int) -> None:
    """One bit of a file is the other one."""
    chance = random.Random(seed)
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content) if seed % 4 else 4096)] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


@pytest.fixture
def pristine(tmp_path: Path) -> Path:
    """A folder with a log of a few pages and its tables, closed."""
    folder = tmp_path / "pristine"
    folder.mkdir()
    url = f"sqlite:///{folder / 'log.db'}"
    log = open_log(url)
    grow(log, 40)
    log.append(Append([drafted("lead-1", 1)], keys={"lead-1": b"k"}, tokens=[(b"t" * 32, "lead-1")]))
    with Views.open(url, log) as views:
        views.catch_up()
    log.close()
    with sqlite3.connect(folder / "log.db") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_of_forty_flipped_bits_none_ends_in_a_traceback(pristine: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch):
    reports = [0, 0]
    for seed in (*range(examples(FLIPS)), *UNICODE):
        folder = pristine.with_name(f"flipped-{seed}")
        shutil.copytree(pristine, folder)
        flip(folder / "log.db", seed)
        monkeypatch.setenv("DEALTRAIL_DB", f"sqlite:///{folder / 'log.db'}")
        first, *others = [(verb, *shell(*verb)) for verb in VERBS]
        for verb, code, out, err in (first, *others):
            assert code in (0, 1, 2, 3), (seed, verb, out, err)
            assert code == 0 or out or err
        reports[first[1]] += 1
        unread = [err for verb, code, _, err in others if code == 1 and verb[0] in ("log", "events") and err]
        assert not unread or first[1] == 1, (seed, unread)  # what cannot be read is named by check
        shutil.rmtree(folder)
    assert reports[1] > 0


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_what_still_decodes_but_differs_is_named_by_check_against_tables_made_before(
    pristine: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
):
    file = pristine / "log.db"
    content = file.read_bytes()
    place = content.index(b'"owner":"ann"') + len(b'"owner":"')
    file.write_bytes(content[:place] + b"c" + content[place + 1 :])
    monkeypatch.setenv("DEALTRAIL_DB", f"sqlite:///{file}")
    code, out, _ = shell("check", "--json")
    found = json.loads(out)
    assert (code, found["equal"], found["faults"]) == (1, False, [])
    assert {each["projection"] for each in found["differences"]} >= {"opportunities"}
