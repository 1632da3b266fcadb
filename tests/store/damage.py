"""What only the owner of a database can do to a log: take rows away or alter them, past the guards."""

import sqlite3
from contextlib import closing

import psycopg


def damage(url: str, *statements: str) -> None:
    """Run statements on the tables of a log, whose guards stand aside meanwhile."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            guards = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                file.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                file.execute(statement)
            for _, sql in guards:
                file.execute(sql)
        return
    with psycopg.connect(url) as owner:
        for table in ("stored_events", "stored_keys", "stored_identity"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
        for statement in statements:
            owner.execute(statement.encode())
        for table in ("stored_events", "stored_keys", "stored_identity"):
            owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_to_change_history".encode())
