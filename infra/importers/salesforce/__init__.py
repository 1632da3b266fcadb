"""A Salesforce account as tables, in Salesforce's own columns: opportunities with their history, leads, activities.

What the tables leave open is settled so: an opportunity is opened at its created_date, in the stage that its history
begins with or, closed by then, in the first of the process; it was closed when its history first says so, or at the
end of its close_date where that is earlier. Who is deleted there is deleted here, with all that happened before.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

from domain.errors import Malformed, PipelineError
from domain.opportunity.line_items import RemoveLineItem, SetLineItem
from domain.opportunity.removal import DeleteOpportunity
from domain.recorded import Request
from infra.importers.cells import Cells, identifier, money, number, titled, truth, whole_id
from infra.importers.entries import Change, Entry, Export, Story
from infra.importers.folders import Folder, load
from infra.importers.observations import Observation, as_it_is, happened
from infra.importers.pipelines import Place
from infra.importers.references import References, cell_text
from infra.importers.salesforce.activities import activities
from infra.importers.salesforce.leads import Leads
from infra.importers.salesforce.stages import NAME, PROCESS, SYSTEM, Stages
from infra.importers.tables import Row
from infra.importers.times import Calendar

PREFIX = "sf_"
DEALS = ("id", "stage_name", "is_closed", "is_won", "amount", "close_date", "created_date")
TABLES = {
    "opportunity": DEALS,
    "opportunity_history": (*DEALS, "_fivetran_start"),
    "opportunity_line_item": ("id", "opportunity_id", "quantity", "unit_price", "created_date"),
    "lead": ("id", "created_date", "is_converted", "converted_opportunity_id"),
    "task": ("id", "what_id", "who_id", "is_closed", "created_date"),
    "event": ("id", "what_id", "who_id", "created_date"),
    "account": ("id", "name"),
    "user": ("id", "name"),
}
LISTED = frozenset(column for columns in TABLES.values() for column in columns) - {"name"}
TIMES = {
    "opportunity": ("created_date", "_fivetran_synced", "system_modstamp"),
    "opportunity_history": ("created_date", "_fivetran_start", "_fivetran_synced"),
    "opportunity_line_item": ("created_date", "last_modified_date"),
    "lead": ("created_date", "converted_date", "last_modified_date"),
    "task": ("created_date", "completed_date_time"),
    "event": ("created_date",),
}


def read(
    folder: Path,
    actor: str,
    snapshot: date | None = None,
    form: str | None = None,
    currency: str = "USD",
    zone: tzinfo = UTC,
) -> Export:
    """The opportunities and leads of the folder, to be run; `currency` is that of amounts that say none.

    `snapshot` is the day of the export, by default its latest time; `form` the strptime format of its dates.
    NotFound or Malformed where the folder as a whole cannot be read.
    """
    tables = load(folder, PREFIX, TABLES, ("opportunity",), whole_id)
    calendar = Calendar.of([(tables.rows[table], columns) for table, columns in TIMES.items()], form, snapshot, zone)
    deals = tables.rows["opportunity"]
    stages = Stages([*deals, *tables.rows["opportunity_history"]])
    opportunities = Opportunities(tables, calendar, stages, currency)
    prelude = Request(stream=PROCESS, command=stages.process, actor=actor, occurred_at=calendar.latest)
    total = sum(len(tables.rows[table]) for table in TIMES) + len(tables.wrong)
    return Export(SYSTEM, tables.batch, calendar.snapshot, (prelude,), total, opportunities.entries(), LISTED)


class Opportunities:
    """Tells the story of every opportunity, and what else the folder knows of it."""

    def __init__(self, tables: Folder, calendar: Calendar, stages: Stages, currency: str) -> None:
        self.tables, self.calendar, self.stages, self.currency = tables, calendar, stages, currency
        self.ids = Counter(row.cells["id"] for row in tables.rows["opportunity"])
        self.history = self.by_id("opportunity_history", "id")
        self.lines = self.by_id("opportunity_line_item", "opportunity_id")
        self.accounts = References((row.cells["id"], row.cells) for row in tables.rows["account"])
        self.users = References((row.cells["id"], row.cells) for row in tables.rows["user"])

    def by_id(self, table: str, column: str) -> dict[str, list[Row]]:
        """The rows of a table by the opportunity that they tell of."""
        found = defaultdict[str, list[Row]](list)
        for row in self.tables.rows[table]:
            found[row.cells[column]].append(row)
        return found

    def entries(self) -> Iterator[Entry]:
        """Leads first, for they open what they became; then the opportunities, then what was done for either."""
        yield from self.tables.refused()
        seen = dict[str, list[Observation] | PipelineError]()
        for row in self.tables.rows["opportunity"]:
            seen[row.cells["id"]] = self.attempted(row)
        leads = Leads(self.tables.rows["lead"], self.tables.files["lead"], self.calendar, self.users, seen)
        yield from leads.entries()
        for row in self.tables.rows["opportunity"]:
            yield self.entry(row, seen[row.cells["id"]], leads.converted)
        for table, column in (("opportunity_history", "id"), ("opportunity_line_item", "opportunity_id")):
            yield from self.orphans(table, column)
        refused = {name for name, found in seen.items() if isinstance(found, PipelineError)}
        known = {name: f"opportunity-{SYSTEM}-{name}" for name in self.ids} | leads.streams
        for table in ("task", "event"):
            rows, file = self.tables.rows[table], self.tables.files[table]
            yield from activities(table, rows, file, self.calendar, known, refused | leads.refused)

    def entry(self, row: Row, seen: list[Observation] | PipelineError, converted: set[str]) -> Entry:
        """One opportunity: its row and those of its history and line items, or why they say nothing."""
        name = row.cells["id"]
        more = len(self.history[name]) + len(self.lines[name]) if self.ids[name] == 1 else 0
        says = seen if isinstance(seen, PipelineError) else self.story(name, seen, name in converted)
        return Entry(
            self.tables.files["opportunity"], row.line, name, f"opportunity-{SYSTEM}-{name}", row.cells, says, 1 + more
        )

    def story(self, name: str, seen: list[Observation], lead: bool) -> Story:
        """All that happened to an opportunity, as far as the export says."""
        lines = sorted((self.line_item(row) for row in self.lines[name]), key=lambda line: line[0])
        if self.history[name]:
            return happened(seen, NAME, lead, lines)
        now = seen[-1]
        ending = next((found.at for found in seen if found.outcome), now.at)
        changes = as_it_is(seen[0], now._replace(at=ending), NAME, lead, lines, gone=now.deleted)
        gone = [Change(now.at, DeleteOpportunity(f"deleted in {NAME}"))] if now.deleted else []
        return Story((*changes, *gone), is_current=True)

    def orphans(self, table: str, column: str) -> Iterator[Entry]:
        """The rows of a table that tell of an opportunity which is not there, or is there twice."""
        for row in self.tables.rows[table]:
            name = row.cells[column]
            if self.ids[name] != 1:
                found = "no opportunity" if not self.ids[name] else f"{self.ids[name]} opportunities"
                reason = Malformed(f"{column}: {found} of the export has the id {name!r}")
                own = row.cells["id"]
                yield Entry(self.tables.files[table], row.line, own, f"opportunity-{SYSTEM}-{name}", row.cells, reason)

    def attempted(self, row: Row) -> list[Observation] | PipelineError:
        """What was seen of an opportunity from time to time, or why that cannot be told."""
        name = row.cells["id"]
        try:
            if not name:
                raise Malformed("id: is empty")
            if self.ids[name] > 1:
                raise Malformed(f"id: {self.ids[name]} rows share the id {name}; which one is the opportunity?")
            seen = self.observed(row)
            self.story(name, seen, lead=False)  # what cannot be told is not converted into, either
            return seen
        except PipelineError as error:
            return error

    def observed(self, row: Row) -> list[Observation]:
        """The opportunity as its history has it, and as its row has it now."""
        calendar, opened = self.calendar, self.calendar.instant(row.cells, "created_date")
        history = [(calendar.instant(old.cells, "_fivetran_start"), old) for old in self.history[row.cells["id"]]]
        history.sort(key=lambda version: version[0])
        first = history[0][1].cells if history else row.cells
        place = self.stages.place(first)
        begun = self.seen(first, place)._replace(
            at=opened, stage=place.id if place.kind == "open" else self.stages.first, outcome="", deleted=False
        )
        begun = begun._replace(name=begun.name or titled(cell_text(row.cells.get("name", ""))))
        found = [begun if place.kind == "open" else begun._replace(probability=None)]
        for at, version in [*history, (calendar.latest, row)]:
            cells = version.cells
            observation = self.seen(cells, self.stages.place(cells))._replace(at=at, row=version)
            if observation.outcome and not found[-1].outcome:
                ended = min(calendar.closing(cells, "close_date"), at) if len(found) == 1 else at
                found.append(observation._replace(at=max(ended, opened), deleted=found[-1].deleted))
            found.append(observation)
        return found + self.purged(history, found[-1])

    def purged(self, history: Sequence[tuple[datetime, Row]], last: Observation) -> list[Observation]:
        """The deletion of an opportunity whose history ends without a row that still holds."""
        if not history or last.deleted or history[-1][1].cells.get("_fivetran_active", "true").lower() != "false":
            return []
        return [last._replace(deleted=True)]

    def seen(self, cells: Cells, place: Place) -> Observation:
        """The opportunity as one row has it; the instant is that of the export."""
        account = self.accounts.get(cells.get("account_id", ""))
        if account and account.get("master_record_id"):  # the account was merged into another one
            account = self.accounts.get(account["master_record_id"]) or account
        return Observation(
            at=self.calendar.latest,
            process=PROCESS,
            stage=place.id if place.kind == "open" else "",
            amount=money("amount", cells["amount"], cells.get("currency_iso_code") or self.currency),
            outcome="" if place.kind == "open" else place.kind,
            close_date=self.calendar.day(cells, "close_date"),
            owner=owner(cells, self.users),
            account=cell_text(account["name"] if account else cells.get("account_id", "")),
            probability=self.stages.judged(cells, place),
            deleted=truth(cells, "is_deleted"),
            name=titled(cell_text(cells.get("name", ""))),
        )

    def line_item(self, row: Row) -> tuple[datetime, SetLineItem | RemoveLineItem]:
        """A line item, with when it became what the row says."""
        cells = row.cells
        try:
            at = self.calendar.instant(cells, "last_modified_date", "created_date")
            if truth(cells, "is_deleted"):
                return at, RemoveLineItem(identifier(cells["id"]))
            share = number("discount", cells.get("discount") or "0") / 100
            currency = cells.get("currency_iso_code") or self.currency
            price = money("unit_price", cells["unit_price"], currency)
            product = cells.get("name") or cells.get("product_2_id", "")
            return at, SetLineItem(
                identifier(cells["id"]), product, number("quantity", cells["quantity"]), price, share
            )
        except PipelineError as error:
            raise Malformed(f"line item {cells['id']}, line {row.line}: {error}") from error


def owner(cells: Cells, users: References[dict[str, str]]) -> str:
    """The name of a row's owner; of one whom the users' table does not have, the id."""
    user = users.get(cells.get("owner_id", ""))
    return cell_text(user["name"] if user else cells.get("owner_id", ""))
