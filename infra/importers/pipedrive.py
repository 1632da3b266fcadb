"""A Pipedrive account as tables: every field change of its deals, users, stages, and activities where there are any.

What the tables leave open is settled so: a deal opens, at its add_time, in the first stage that its changes name, and
for nothing (no table has money) unless they give a value; an activity took place when it was due, or was planned by
then; times are UTC, as Pipedrive's are. The probabilities of the stages are ours, even steps, the tables have none.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import Malformed, PipelineError, Rejected
from domain.money import Money
from domain.opportunity import Command, OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner
from domain.recorded import Request, Source
from domain.reference.process import PublishProcess, Stage
from infra.application import moments
from infra.application.moments import day, day_end
from infra.importers.cells import number
from infra.importers.runner import Change, Entry, Export, Story
from infra.importers.spool import Spool
from infra.importers.tables import Row, read_table

SYSTEM = "pipedrive"
PROCESS = "process-pipedrive"
CHANGES, ACTIVITIES, USERS, STAGES, FIELDS = (
    "deal_changes.csv", "activity.csv", "users.csv", "stages.csv", "fields.csv",
)  # fmt: skip
CHANGE_COLUMNS = ("deal_id", "change_time", "changed_field_key", "new_value")
ACTIVITY_COLUMNS = ("activity_id", "type", "assigned_to_user", "deal_id", "done", "due_to")
OPENING = "add_time"
CATCH_ALL = "unknown"


def read(folder: Path, actor: str, snapshot: date | None = None, currency: str = "EUR", zone: tzinfo = UTC) -> Export:
    """The deals of the folder with their whole history, to be run; `currency` is that of all amounts.

    NotFound or Malformed where the folder as a whole cannot be read.
    """
    changes, activities = Spool(), Spool()
    batch, latest = hashlib.sha256(), None
    for cells in changes.fill(folder / CHANGES, CHANGE_COLUMNS, of="deal_id"):
        batch.update("\0".join(cells).encode())
        with suppress(Malformed):  # the deal will say so
            at = moment("change_time", cells[1], zone)
            latest = max(latest or at, at)
    ids = Counter[str]()
    if (folder / ACTIVITIES).is_file():
        for cells in activities.fill(folder / ACTIVITIES, ACTIVITY_COLUMNS, of="deal_id"):
            batch.update("\0".join(cells).encode())
            ids[cells[0]] += 1
    until = day_end(snapshot, zone) if snapshot else latest
    if until is None:
        raise Malformed(f"{CHANGES}: there is no change; say when the export was made (snapshot_date)")
    reader = DealReader(folder, until, currency, zone)
    prelude = Request(
        stream=PROCESS, command=stages(folder / STAGES), actor=actor, occurred_at=until, source=Source(SYSTEM, STAGES)
    )
    twice = {name for name, times in ids.items() if times > 1}
    entries = merged(changes, activities, reader, twice)
    total = changes.count + activities.count
    return Export(SYSTEM, batch.hexdigest()[:16], until.astimezone(zone).date(), (prelude,), total, entries)


def merged(changes: Spool, activities: Spool, reader: "DealReader", twice: set[str]) -> Iterator[Entry]:
    """Each deal, then its activities; activities of a deal that has no changes here may be of one known before."""
    told = ((name, False, rows) for name, rows in changes.groups())
    planned = ((name, True, rows) for name, rows in activities.groups())
    for name, is_plan, rows in merge(told, planned, key=itemgetter(0, 1)):
        yield from reader.activities(name, rows, twice) if is_plan else reader.deal(name, rows)


def stages(path: Path) -> PublishProcess:
    """The account's pipeline: its stages in the order of the table, then the two endings that every deal can have."""
    rows = list(read_table(path, ("stage_id", "stage_name")))
    found = [
        Stage(
            row.cells["stage_id"], row.cells["stage_name"], 10 * number, "open",
            round(Decimal(number) / (len(rows) + 1), 2), "pipeline",
        )
        for number, row in enumerate(rows, 1)
    ]  # fmt: skip
    end = 10 * len(rows)
    endings = (
        Stage("won", "Won", end + 10, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", end + 20, "lost", Decimal(0), "omitted"),
    )
    return PublishProcess("Pipedrive", (*found, *endings))


class DealReader:
    """Reads the changes and activities of one deal after the other."""

    def __init__(self, folder: Path, until: datetime, currency: str, zone: tzinfo) -> None:
        self.until, self.currency, self.zone = until, currency, zone
        self.reasons = lost_reasons(folder / FIELDS)
        users = {row.cells["id"]: row.cells["name"] for row in read_table(folder / USERS, ("id", "name"))}
        shared = Counter(users.values())
        self.users = {i: name if shared[name] == 1 else f"{name} ({i})" for i, name in users.items()}
        self.doubled: set[str] = set()  # deals that stand under one id with another one
        self.fields: dict[str, Callable[[str], Command]] = {
            "stage_id": ChangeStage,
            "user_id": lambda value: ChangeOwner(self.user("new_value", value)),
            "lost_reason": lambda value: LoseOpportunity(self.reasons.get(value, slug(value))),
            "value": lambda value: ChangeAmount(Money(number("new_value", value), currency)),
            "expected_close_date": lambda value: ChangeCloseDate(day("new_value", value)),
            "org_id": ChangeAccount,
            "status": self.status,
        }

    def deal(self, name: str, rows: list[Row]) -> Iterator[Entry]:
        """The story of a deal, and the rows that tell nothing that is known here."""
        known = [row for row in rows if row.cells["changed_field_key"] in (*self.fields, OPENING)]
        for row in rows:
            if row not in known:
                field = row.cells["changed_field_key"]
                yield entry(CHANGES, name, row, Malformed(f"changed_field_key: changes of {field!r} are not imported"))
        if not known:
            return
        first = known[0]
        try:
            if not name:
                raise Malformed("deal_id: is empty")
            openings = [row for row in known if row.cells["changed_field_key"] == OPENING]
            if len(openings) > 1:
                lines = " and ".join(str(row.line) for row in openings)
                self.doubled.add(name)
                raise Rejected(f"deal_id: {len(openings)} deals share the id {name} (add_time in lines {lines})")
            says = Story(self.story(known))
        except PipelineError as error:
            says = error
        yield entry(CHANGES, name, first, says, len(known))

    def story(self, rows: list[Row]) -> tuple[Change, ...]:
        """The changes of a deal in effective order; those of one second in the order of the file."""
        dated = ((moment("change_time", row.cells["change_time"], self.zone), row) for row in rows)
        placed = sorted(dated, key=itemgetter(0))
        opens_in = next((r.cells["new_value"] for _, r in placed if r.cells["changed_field_key"] == "stage_id"), "")
        reasons = {at for at, row in placed if row.cells["changed_field_key"] == "lost_reason"}
        found = list[Change]()
        for at, row in placed:
            field, value = row.cells["changed_field_key"], row.cells["new_value"]
            told = f"{row.cells['change_time']} {field} {value}"
            if field == OPENING:
                opening = OpenOpportunity(PROCESS, Money(Decimal(0), self.currency), opens_in)
                found.insert(0, Change(moment("new_value", value, self.zone), opening, change_key=told))
            elif field == "status" and value == "lost" and at in reasons:
                continue  # the reason, given in the same moment, says more
            else:
                found.append(Change(at, self.fields[field](value), change_key=told))
        return tuple(found)

    def status(self, value: str) -> Command:
        """The deal's ending, or its beginning again."""
        match value:
            case "won":
                return WinOpportunity()
            case "lost":
                return LoseOpportunity(CATCH_ALL)
            case "open":
                return ReopenOpportunity("reopened in Pipedrive")
            case _:
                raise Malformed(f"new_value: the status {value!r} is none of open, won, lost")

    def activities(self, deal: str, rows: list[Row], twice: set[str]) -> Iterator[Entry]:
        """Each activity of a deal: done, or planned."""
        for row in rows:
            cells = row.cells
            name = cells["activity_id"]
            try:
                if not deal:
                    raise Malformed("deal_id: is empty")
                if name in twice:
                    raise Rejected(f"activity_id: several activities share the id {name}; which one took place?")
                if deal in self.doubled:
                    raise Rejected(f"deal_id: several deals share the id {deal}; whose is the activity?")
                self.user("assigned_to_user", cells["assigned_to_user"])
                due = moment("due_to", cells["due_to"], self.zone)
                done = flag("done", cells["done"])
                sort = cells["type"]
                day_due = datetime.fromisoformat(cells["due_to"]).date()  # as it is written
                command = CompleteActivity(name, sort) if done else ScheduleActivity(name, sort, day_due)
                told = f"activity {name} {'done' if done else 'due'} {cells['due_to']}"
                says = Story((Change(min(due, self.until), command, change_key=told),))
            except PipelineError as error:
                says = error
            yield entry(ACTIVITIES, deal, row, says)

    def user(self, column: str, value: str) -> str:
        """A user's name by id."""
        if value not in self.users:
            raise Malformed(f"{column}: there is no user {value!r} in {USERS}")
        return self.users[value]


def entry(file: str, deal: str, row: Row, says: Story | PipelineError, rows: int = 1) -> Entry:
    """What some rows say of a deal; `row` is the first of them."""
    external = row.cells.get("activity_id", deal)
    return Entry(file, row.line, external, f"opportunity-{SYSTEM}-{deal}", row.cells, says, rows)


def lost_reasons(path: Path) -> dict[str, str]:
    """The account's reasons for losing by id, as short codes; none where the folder has no table of fields."""
    if not path.is_file():
        return {}
    for row in read_table(path, ("FIELD_KEY", "FIELD_VALUE_OPTIONS")):
        if row.cells["FIELD_KEY"] == "lost_reason":
            try:
                options: Any = msgspec.json.decode(row.cells["FIELD_VALUE_OPTIONS"])
                return {str(option["id"]): slug(option["label"]) for option in options}
            except (msgspec.DecodeError, KeyError, TypeError) as error:
                raise Malformed(f"{path.name}: line {row.line}: FIELD_VALUE_OPTIONS: {error}") from error
    return {}


def slug(label: str) -> str:
    """A label as a short code: Pricing Issues is pricing-issues."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or CATCH_ALL


def moment(column: str, text: str, zone: tzinfo) -> datetime:
    """A time in a column; without a zone it is UTC, and a bare date means its end in the organisation's zone."""
    return moments.moment(column, text, zone if len(text) <= len("2026-01-31") else UTC)


def flag(column: str, text: str) -> bool:
    """Yes or no, as Pipedrive writes it."""
    match text.lower():
        case "true" | "1" | "yes":
            return True
        case "false" | "0" | "no":
            return False
        case _:
            raise Malformed(f"{column}: {text!r} is neither True nor False")
