"""API keys: what is kept of them, when they open nothing, and that tables of others are left alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import Malformed, NotFound, Unavailable
from infra.control import Control, control_file, control_to_read, migrations, open_control
from infra.identity.caller import Unauthorized
from infra.identity.keys import DAY, Wanted, create, listed, revoke, verified
from tests.offenders import every

NOW = 1_800_000_000_000_000
LOG = "a" * 32


@pytest.fixture
def control(log_url: str) -> Iterator[Control]:
    control = open_control(log_url, LOG)
    yield control
    control.close()


def test_a_key_opens_what_it_was_made_for(control: Control):
    text, key = create(control, Wanted("crm", ("service",), scopes=("commands", "feed")), "ann", NOW)
    found = verified(control, text, NOW)
    assert found == key
    assert (found.actor, found.roles, found.scopes, found.created_by) == (
        "crm",
        ("service",),
        ("commands", "feed"),
        "ann",
    )
    assert len({create(control, Wanted("crm", ("analyst",)), "ann", NOW)[0] for _ in range(20)}) == 20


def test_the_secret_is_kept_nowhere(control: Control, log_url: str):
    text, _ = create(control, Wanted("crm", ("analyst",)), "ann", NOW)
    secret = text.rpartition("_")[2] if "_" not in text[17:] else text[17:]
    assert len(secret) == 43
    rows = repr(control.run("SELECT * FROM api_keys"))
    assert secret not in rows
    if file := control_file(log_url):
        assert Path(file).stat().st_mode & 0o777 == 0o600
        kept = b"".join(each.read_bytes() for each in Path(file).parent.glob(f"{Path(file).name}*"))
        assert secret.encode() not in kept


def test_a_key_that_is_revoked_expired_altered_or_unknown_opens_nothing(control: Control):
    text, key = create(control, Wanted("crm", ("analyst",), days=2), "ann", NOW)
    verified(control, text, NOW + 2 * DAY - 1)
    for bad in (
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        "dtk_000000000000_" + text[17:],
        text + "x",
        "dtk_",
        text[:-1],
    ):
        with pytest.raises(Unauthorized):
            verified(control, bad, NOW)
    with pytest.raises(Unauthorized, match="expired"):
        verified(control, text, NOW + 2 * DAY)
    first = revoke(control, key.prefix, "bea", NOW + 1)
    with pytest.raises(Unauthorized, match="revoked"):
        verified(control, text, NOW + 1)
    assert revoke(control, key.prefix, "cal", NOW + 9) == first, "whoever revoked it first did"
    assert (first.revoked_by, first.revoked_at) == ("bea", NOW + 1)
    with pytest.raises(NotFound):
        revoke(control, "000000000000", "bea", NOW)


@every(
    ("wanted", "field"),
    [
        ({"actor": " ", "roles": ("analyst",)}, "actor"),
        ({"actor": "a", "roles": ()}, "roles"),
        ({"actor": "a", "roles": ("boss",)}, "roles"),
        ({"actor": "a", "roles": ("rep",)}, "owner"),
        ({"actor": "a", "roles": ("manager",)}, "owner"),
        ({"actor": "a", "roles": ("service",)}, "scopes"),
        ({"actor": "a", "roles": ("analyst",), "scopes": ("feed",)}, "scopes"),
        ({"actor": "a", "roles": ("service",), "scopes": ("all",)}, "scopes"),
        ({"actor": "a", "roles": ("analyst",), "days": 0}, "days"),
    ],
)
def test_a_key_that_means_nothing_is_refused_by_field(wanted: dict[str, object], field: str):
    with pytest.raises(Malformed, match=f"^{field}: "):
        Wanted(**wanted)  # type: ignore[arg-type]


def test_keys_are_listed_with_the_newest_first(control: Control):
    create(control, Wanted("old", ("analyst",)), "ann", NOW)
    create(control, Wanted("new", ("rep",), "ana"), "ann", NOW + 1)
    assert [(key.actor, key.owner, key.state(NOW)) for key in listed(control)] == [
        ("new", "ana", "valid"),
        ("old", "", "valid"),
    ]


def test_reading_creates_nothing(log_url: str):
    assert control_to_read(log_url, LOG) is None
    assert control_to_read(log_url, LOG) is None
    if file := control_file(log_url):
        assert not Path(file).exists()
    with closing(open_control(log_url, LOG)) as control:
        text, _ = create(control, Wanted("crm", ("analyst",)), "ann", NOW)
    there = control_to_read(log_url, LOG)
    assert there is not None
    assert verified(there, text, NOW).actor == "crm"
    there.close()


def test_the_tables_of_another_log_open_nothing_here(control: Control, log_url: str):
    for attempt in (open_control, control_to_read):
        with pytest.raises(Unavailable, match="belong to another log"):
            attempt(log_url, "b" * 32)


def test_tables_of_a_newer_version_are_refused(control: Control, log_url: str):
    control.run("INSERT INTO migrations VALUES (?, 0)", len(migrations.STEPS) + 1)
    for attempt in (open_control, control_to_read):
        with pytest.raises(Unavailable, match="a newer one made them"):
            attempt(log_url, LOG)


def test_a_step_that_fails_leaves_the_tables_at_the_step_before(log_url: str, monkeypatch: pytest.MonkeyPatch):
    steps = migrations.STEPS
    monkeypatch.setattr("infra.control.database.STEPS", (*steps, ("CREATE TABLE more (a INTEGER)", "CREATE TABEL x")))
    with pytest.raises(Exception, match=r"(?i)syntax"):
        open_control(log_url, LOG)
    monkeypatch.setattr("infra.control.database.STEPS", steps)
    with closing(open_control(log_url, LOG)) as control:
        assert control.applied() == len(steps)
        with pytest.raises(Exception, match="more"):
            control.run("SELECT * FROM more")
    monkeypatch.setattr("infra.control.database.STEPS", (*steps, ("CREATE TABLE more (a INTEGER)",)))
    with pytest.raises(Unavailable, match=f"at step {len(steps)} of"):
        control_to_read(log_url, LOG)
    with closing(open_control(log_url, LOG)) as control:
        assert control.run("SELECT * FROM more") == []


def test_a_file_of_somebody_else_stays_as_it_is(sqlite_url: str):
    file = control_file(sqlite_url)
    assert file
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.close()
    before = Path(file).read_bytes()
    for attempt in (open_control, control_to_read):
        with pytest.raises(Unavailable, match="not those of dealtrail"):
            attempt(sqlite_url, LOG)
    assert Path(file).read_bytes() == before
    Path(file).write_bytes(b"no database at all, but long enough to be looked at as one " * 9)
    for attempt in (open_control, control_to_read):
        with pytest.raises(Unavailable):
            attempt(sqlite_url, LOG)
