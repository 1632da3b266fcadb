"""The webhooks of an installation, kept in its control tables: to whom, which events, and up to where they are sent."""

from typing import Any, Literal, NamedTuple

import msgspec

from domain.errors import NotFound, Rejected
from infra.control import LazyControl
from infra.store.log import Row

MOST = 50  # webhooks of an installation
State = Literal["active", "failing", "parked"]
COLUMNS = (
    "id, url, types, kinds, streams, secret, position, revision, state, failures, next_attempt_at, problem, "
    "created_at, created_by"
)


class Filter(NamedTuple):
    """Which events are wanted: all that fit every part that is given."""

    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


class Subscription(NamedTuple):
    """A webhook as it is kept. Times in microseconds since 1970 UTC, 0 for never.

    position: up to here all that is wanted was taken. revision: counts what people changed, so that a message that was
    under way meanwhile moves nothing. problem: why the last attempt failed.
    """

    id: str
    url: str
    filter: Filter
    secret: str
    position: int
    revision: int
    state: State
    failures: int
    next_attempt_at: int
    problem: str
    created_at: int
    created_by: str


class Subscriptions:
    """Those of one log. Safe for threads."""

    def __init__(self, control: LazyControl) -> None:
        self._control = control

    def there(self) -> bool:
        """Whether there are control tables, so that there may be webhooks."""
        return self._control.to_read() is not None

    def add(self, subscription: Subscription) -> None:
        """Keep a new one. Raises Rejected where there are too many."""
        control = self._control.to_write()
        with control.transaction():
            if control.run("SELECT count(*) FROM webhooks")[0][0] >= MOST:
                raise Rejected(f"there are {MOST} webhooks already: delete one that nobody needs")
            fields = subscription._asdict()
            parts = fields.pop("filter")
            fields |= {name: msgspec.json.encode(part).decode() for name, part in parts._asdict().items()}
            marks = ", ".join("?" for _ in COLUMNS.split(", "))
            values = [fields[name] for name in COLUMNS.split(", ")]
            control.run(f"INSERT INTO webhooks ({COLUMNS}) VALUES ({marks})", *values)  # noqa: S608 - no value

    def every(self) -> list[Subscription]:
        """All of them, the oldest first."""
        return self._rows(f"SELECT {COLUMNS} FROM webhooks ORDER BY created_at, id")  # noqa: S608 - no value

    def one(self, name: str) -> Subscription:
        """One of them. Raises NotFound."""
        return self._only(name, self._rows(f"SELECT {COLUMNS} FROM webhooks WHERE id = ?", name))  # noqa: S608

    def remove(self, name: str) -> None:
        """Send it nothing more. Raises NotFound."""
        self._only(name, self._rows(f"DELETE FROM webhooks WHERE id = ? RETURNING {COLUMNS}", name))  # noqa: S608

    def begin_anew(self, name: str, after: int | None = None) -> Subscription:
        """Try it again now, from a position on, or where it stands. Raises NotFound."""
        place, values = ("position = ?, ", (after,)) if after is not None else ("", ())
        sql = (
            f"UPDATE webhooks SET {place}revision = revision + 1, state = 'active', failures = 0, "  # noqa: S608
            f"next_attempt_at = 0, problem = '' WHERE id = ? RETURNING {COLUMNS}"
        )
        return self._only(name, self._rows(sql, *values, name))

    def advance(self, before: Subscription, position: int) -> Subscription | None:
        """It took all up to a position; None where somebody changed it meanwhile, which then counts."""
        return self._moved(before, position, "active", 0, 0, "")

    def failed(self, before: Subscription, state: State, next_attempt_at: int, problem: str) -> Subscription | None:
        """It did not take the next one; None where somebody changed it meanwhile."""
        return self._moved(before, before.position, state, before.failures + 1, next_attempt_at, problem)

    def _moved(self, before: Subscription, *values: Any) -> Subscription | None:
        sql = (
            "UPDATE webhooks SET position = ?, state = ?, failures = ?, next_attempt_at = ?, problem = ? "  # noqa: S608
            f"WHERE id = ? AND revision = ? AND position = ? RETURNING {COLUMNS}"
        )
        rows = self._rows(sql, *values, before.id, before.revision, before.position)
        return rows[0] if rows else None

    def _rows(self, sql: str, *parameters: Any) -> list[Subscription]:
        control = self._control.to_read()
        return [_subscription(row) for row in control.run(sql, *parameters)] if control else []

    def _only(self, name: str, rows: list[Subscription]) -> Subscription:
        if not rows:
            raise NotFound(f"there is no webhook {name}")
        return rows[0]


def _subscription(row: Row) -> Subscription:
    fields: dict[str, Any] = dict(zip(COLUMNS.split(", "), row, strict=True))
    parts = [msgspec.json.decode(fields.pop(name), type=tuple[str, ...]) for name in Filter._fields]
    return Subscription(filter=Filter(*parts), **fields)
