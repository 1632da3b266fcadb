"""Ada, Bob and Cy as the tests of privacy know them, and where their traces could be."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from domain.lead import CaptureLead, ConvertLead
from domain.lead.profile import EnrichLead
from domain.lead.qualification import QualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.recorded import Request
from domain.reference.subject import EraseSubject
from infra.application.app import App, opened
from infra.settings import Settings
from projections.query.question import Question

ADA, BOB, CY, DEAL = "lead-ada", "lead-bob", "lead-cy", "opportunity-ada"
SECRETS = (b"Ada Abel", b"ada@alder.example", b"+49 30 1", b"three sites", b"a friend", b"Ada says no", b"she called")
WISHES: tuple[tuple[str, Any, str], ...] = (
    (ADA, CaptureLead("fair", "Alder", name="Ada Abel", email="ada@alder.example", note="three sites"), ""),
    (ADA, EnrichLead(phone="+49 30 1"), ""),
    (BOB, CaptureLead("fair", "Birch", name="Bob Best", email="bob@birch.example"), ""),
    (ADA, QualifyLead(override_reason="a friend"), ""),
    (ADA, ConvertLead(DEAL, "process-standard", Money(Decimal(900), "EUR"), account="Alder"), ""),
    (DEAL, LoseOpportunity("price", note="Ada says no"), "she called"),
    (BOB, QualifyLead(override_reason="known"), ""),
    (BOB, ConvertLead("opportunity-bob", "process-standard", Money(Decimal(500), "EUR"), account="Birch"), ""),
    ("opportunity-bob", WinOpportunity(override_reason="he signed"), ""),
    (CY, CaptureLead("fair", name="Cy Cole", email="cy@cedar.example"), ""),
)


OPEN = OpenOpportunity("process-standard", Money(Decimal(900), "EUR"), account="Cedar")


def ask(app: App, stream: str, command: Any, actor: str = "ann", **envelope: Any) -> Any:
    """Ask one thing of a stream."""
    return app.dispatcher().execute(Request(stream=stream, command=command, actor=actor, **envelope))


def erase(app: App, subject: str = ADA) -> Any:
    """Erase somebody: Ann asks, Bea approved."""
    return ask(app, f"subject-{subject}", EraseSubject("GDPR-17-1-b", "bea"))


def told(app: App) -> None:
    """Have everything happen that happens to Ada and Bob."""
    requests = [Request(stream=s, command=command, actor="ann", reason=reason) for s, command, reason in WISHES]
    refused = [done for done in app.dispatcher().execute_all(requests) if isinstance(done, Exception)]
    assert not refused


@contextmanager
def another(app: App, db: str = "") -> Iterator[App]:
    """The installation as another process has it; or the one over another database, with the same key file."""
    settings = Settings(db=db or app.settings.db, key_file=str(app.master.path))
    with opened(settings) as other:
        yield other


def texts(app: App, stream: str) -> list[str]:
    """All texts of a stream's events and reasons, opened."""
    found = list[str]()
    for fact in app.log.histories([stream]).get(stream, []):
        event = app.vault.open(stream, fact.event)
        values = [getattr(event, name) for name in event.__struct_fields__]
        found += [value for value in (*values, app.vault.open_text(stream, "reason", fact.reason)) if value]
    return found


def figures(app: App) -> dict[str, Any]:
    """The figures that people look at, and the rows that they are counted from; what was decided of people is none."""
    with app.views() as views:
        names = ("board", "funnel", "win-rate", "weighted")
        rows = {name: digest for name, digest in views.digest().items() if name != "subjects"}
        return {name: views.ask(name, Question()).records for name in names} | {"rows": rows}


def bytes_in_files(url: str) -> bytes:
    """Every byte of the database's files: SQLite's three and those of the views; PostgreSQL's tables, not its WAL."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        sql = (
            "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'i', 't') AND n.nspname !~ '^(pg_c|information)'"
        )
        return b"".join(row[0] for row in connection.execute(sql).fetchall())


def in_write_ahead_log(url: str, secret: bytes) -> bool:
    """Whether PostgreSQL's write-ahead log holds some bytes."""
    sql = "SELECT position(%s::bytea IN pg_read_binary_file('pg_wal/' || name)) > 0 FROM pg_ls_waldir()"
    with psycopg.connect(url, autocommit=True) as connection:
        return any(row[0] for row in connection.execute(sql, (secret,)).fetchall())


@contextmanager
def changing(url: str) -> Iterator[Any]:
    """A plain connection past dealtrail, on SQLite without secure_delete."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=OFF")
            yield connection
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


@contextmanager
def backup(url: str, server: str, folder: Path) -> Iterator[str]:
    """A copy of a database as it is now; nobody may be connected to it."""
    if url.startswith("sqlite"):
        copy = folder / "backup.db"
        shutil.copy(url.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        return
    name = url.partition("?")[0].rpartition("/")[2]
    copied = url.replace(name, f"{name}_backup")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"'.encode())
        yield copied
        connection.execute(f'DROP DATABASE "{name}_backup" WITH (FORCE)'.encode())
