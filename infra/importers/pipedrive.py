"""A Pipedrive account as tables: every field change of its deals, users, stages, and activities where there are any.

What the tables leave open is settled so: a deal opens, at its add_time, in the first stage that its changes name, and
for nothing (no table has money) unless they give a value; an activity took place when it was due, or was planned by
then; times are UTC, as Pipedrive's are. The probabilities of the stages are ours, even steps, the tables have none.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
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
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from domain.recorded import Request
from domain.reference.process import PublishProcess, Stage
from infra.importers.cells import CATCH_ALL, code, coded, identifier, money, titled
from infra.importers.entries import Change, Entry, Export, Story
from infra.importers.spool import Spool
from infra.importers.tables import Row, Table, whole_table
from infra.importers.times import ISO, Calendar, Forms, has_come

SYSTEM = "pipedrive"
PROCESS = "process-pipedrive"
CHANGES, ACTIVITIES, USERS, STAGES, FIELDS = (
    "deal_changes.csv", "activity.csv", "users.csv", "stages.csv", "fields.csv",
)  # fmt: skip
CHANGE_COLUMNS = ("deal_id", "change_time", "changed_field_key", "new_value")
ACTIVITY_COLUMNS = ("activity_id", "type", "assigned_to_user", "deal_id", "done", "due_to")
LISTED = frozenset((*CHANGE_COLUMNS, *ACTIVITY_COLUMNS)) - {"new_value"}
OPENING = "add_time"


def read(folder: Path, actor: str, snapshot: date | None = None, currency: str = "EUR", zone: tzinfo = UTC) -> Export:
    """The deals of the folder with their whole history, to be run; `currency` is that of all amounts.

    NotFound or Malformed where the folder as a whole cannot be read.
    """
    changes, activities = Spool(), Spool()
    batch, ids, latest, now = hashlib.sha256(), Counter[str](), list[datetime](), datetime.now(UTC)
    calendar = Calendar(Forms(ISO), zone=zone)
    for cells in changes.fill(Table(folder / CHANGES, CHANGE_COLUMNS), of="deal_id"):
        batch.update("\0".join(cells).encode())
        if (at := calendar.known("change_time", cells[1])) and has_come(at, now):  # else the deal will say so
            latest = [max([at, *latest])]
    if (folder / ACTIVITIES).is_file():
        for cells in activities.fill(Table(folder / ACTIVITIES, ACTIVITY_COLUMNS), of="deal_id"):
            batch.update("\0".join(cells).encode())
            ids[cells[0]] += 1
    if not latest and snapshot is None:
        raise Malformed(f"{CHANGES}: there is no change that has come; say when the export was made (snapshot_date)")
    calendar.set_latest(snapshot, latest)
    reader = DealReader(folder, calendar, currency)
    prelude = Request(stream=PROCESS, command=stages(folder / STAGES), actor=actor, occurred_at=calendar.latest)
    twice = {name for name, times in ids.items() if times > 1}
    entries = merged(changes, activities, reader, twice)
    total = changes.count + activities.count
    return Export(SYSTEM, batch.hexdigest()[:16], calendar.snapshot, (prelude,), total, entries, LISTED)


def merged(changes: Spool, activities: Spool, reader: "DealReader", twice: set[str]) -> Iterator[Entry]:
    """Each deal, then its activities; activities of a deal that has no changes here may be of one known before."""
    for file, spool in ((CHANGES, changes), (ACTIVITIES, activities)):
        for name, row in spool.wrong():
            yield entry(file, name, row._replace(cells={}), Malformed(row.wrong))
    told = ((name, False, rows) for name, rows in changes.groups())
    planned = ((name, True, rows) for name, rows in activities.groups())
    for name, is_plan, rows in merge(told, planned, key=itemgetter(0, 1)):
        yield from reader.activities(name, rows, twice) if is_plan else reader.deal(name, rows)


def stages(path: Path) -> PublishProcess:
    """The account's pipeline: its stages in the order of the table, then the two endings that every deal can have."""
    rows = whole_table(path, ("stage_id", "stage_name"))
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

    def __init__(self, folder: Path, calendar: Calendar, currency: str) -> None:
        self.calendar, self.currency = calendar, currency
        self.reasons = lost_reasons(folder / FIELDS)
        users = {row.cells["id"]: row.cells["name"] for row in whole_table(folder / USERS, ("id", "name"))}
        shared = Counter(users.values())
        self.users = {i: name if shared[name] == 1 else f"{name} ({i})" for i, name in users.items()}
        self.doubled: set[str] = set()  # deals that stand under one id with another one
        self.fields: dict[str, Callable[[str], Command]] = {
            "stage_id": ChangeStage,
            "user_id": lambda value: ChangeOwner(self.user("new_value", value)),
            "lost_reason": self.lost,
            "value": lambda value: ChangeAmount(money("new_value", value, currency)),
            "expected_close_date": lambda value: ChangeCloseDate(calendar.day_of("new_value", value)),
            "org_id": ChangeAccount,
            "status": self.status,
            "title": lambda value: RenameOpportunity(titled(value)),
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
            says = self.story(known)
        except PipelineError as error:
            says = error
        yield entry(CHANGES, name, first, says, len(known))

    def story(self, rows: list[Row]) -> Story:
        """The changes of a deal in effective order; those of one second in the order of the file."""
        dated, found, refused = list[tuple[datetime, Row]](), list[Change](), list[tuple[Row, PipelineError]]()
        for row in rows:
            try:
                dated.append((self.calendar.read("change_time", row.cells["change_time"]), row))
            except PipelineError as reason:
                refused.append((row, reason))
        placed = sorted(dated, key=itemgetter(0))
        opens_in = next((r.cells["new_value"] for _, r in placed if r.cells["changed_field_key"] == "stage_id"), "")
        reasons = {at for at, row in placed if row.cells["changed_field_key"] == "lost_reason"}
        for at, row in placed:
            field, value = row.cells["changed_field_key"], row.cells["new_value"]
            told = f"{row.cells['change_time']} {field} {'' if field == 'title' else value}"
            try:
                if field == OPENING:
                    opening = OpenOpportunity(PROCESS, Money(Decimal(0), self.currency), opens_in)
                    found.insert(0, Change(self.calendar.read("new_value", value), opening, change_key=told, row=row))
                elif field == "status" and value == "lost" and at in reasons:
                    continue  # the reason, given in the same moment, says more
                else:
                    found.append(Change(at, self.fields[field](value), change_key=told, row=row))
            except PipelineError as reason:
                refused.append((row, reason))
        return Story(tuple(found), tuple(refused))

    def lost(self, value: str) -> Command:
        """The deal's loss for one of the account's reasons, or for one in words."""
        if value in self.reasons:
            return LoseOpportunity(self.reasons[value])
        reason, note = coded(value)
        return LoseOpportunity(reason, note=note)

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
                due = self.calendar.read("due_to", cells["due_to"])
                done = flag("done", cells["done"])
                sort, activity = code(cells["type"]), identifier(name)
                day_due = self.calendar.day_of("due_to", cells["due_to"])
                command = CompleteActivity(activity, sort) if done else ScheduleActivity(activity, sort, day_due)
                told = f"activity {name} {'done' if done else 'due'} {cells['due_to']}"
                says = Story((Change(min(due, self.calendar.latest), command, change_key=told),))
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
    for row in whole_table(path, ("FIELD_KEY", "FIELD_VALUE_OPTIONS")):
        if row.cells["FIELD_KEY"] == "lost_reason":
            try:
                options: Any = msgspec.json.decode(row.cells["FIELD_VALUE_OPTIONS"])
                return {str(option["id"]): code(option["label"]) for option in options}
            except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
                raise Malformed(f"{path.name}: line {row.line}: FIELD_VALUE_OPTIONS: {error}") from error
    return {}


def flag(column: str, text: str) -> bool:
    """Yes or no, as Pipedrive writes it."""
    match text.lower():
        case "true" | "1" | "yes":
            return True
        case "false" | "0" | "no":
            return False
        case _:
            raise Malformed(f"{column}: {text!r} is neither True nor False")
