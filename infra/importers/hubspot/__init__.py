"""A HubSpot account as tables, in HubSpot's own columns: deals with the history of their properties, merged deals.

What the tables leave open is settled so: a deal without a pipeline is in HubSpot's default one, without a stage in
its first; what a property was set to within a minute of the deal's creation, it was created with. Contacts are people
that one knows, no column says that one is a lead; they are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import NamedTuple

from domain.errors import Malformed, PipelineError
from domain.opportunity.removal import DeleteOpportunity
from infra.importers.cells import money, titled, truth
from infra.importers.entries import Change, Entry, Export, Story
from infra.importers.folders import Folder, load
from infra.importers.hubspot import engagements as engagement_tables
from infra.importers.hubspot import merges as merge_tables
from infra.importers.hubspot import pipelines as pipeline_tables
from infra.importers.hubspot.engagements import KINDS, Engagements
from infra.importers.hubspot.merges import Merges, Outcome
from infra.importers.hubspot.pipelines import SYSTEM, Pipelines
from infra.importers.observations import Observation, as_it_is, happened
from infra.importers.references import References, cell_text
from infra.importers.tables import Row
from infra.importers.times import Calendar

NAME = "HubSpot"
AT_CREATION = timedelta(minutes=1)
REQUIRED = ("deal", "deal_pipeline", "deal_pipeline_stage")
TABLES = {
    "deal": (
        "deal_id", "deal_pipeline_id", "deal_pipeline_stage_id", "owner_id", "property_amount", "property_closedate",
        "property_createdate",
    ),
    "deal_pipeline": pipeline_tables.PIPELINE_COLUMNS,
    "deal_pipeline_stage": pipeline_tables.STAGE_COLUMNS,
    "deal_property_history": ("deal_id", "timestamp", "name", "value"),
    "deal_stage": ("deal_id", "date_entered", "value"),
    "deal_company": ("deal_id", "company_id"),
    "company": ("id", "property_name"),
    "owner": ("owner_id", "email", "first_name", "last_name"),
    "merged_deal": merge_tables.COLUMNS,
    "engagement_deal": engagement_tables.LINK_COLUMNS,
    **{f"engagement_{kind}": engagement_tables.COLUMNS for kind in KINDS},
}  # fmt: skip
LISTED = frozenset(column for columns in TABLES.values() for column in columns) - {"email", "first_name", "last_name"}
TIMES = {
    "deal": ("property_createdate", "property_hs_lastmodifieddate", "_fivetran_synced"),
    "deal_pipeline_stage": ("_fivetran_synced",),
    "deal_property_history": ("timestamp", "_fivetran_synced"),
    "deal_stage": ("date_entered", "_fivetran_synced"),
    "merged_deal": ("_fivetran_synced",),
    **{f"engagement_{kind}": ("property_hs_createdate", "_fivetran_synced") for kind in KINDS},
}
PROPERTIES = References(
    [(name, name) for name in ("dealstage", "amount", "closedate", "hubspot_owner_id", "dealname")]
)  # of a deal, as its history names them


class Properties(NamedTuple):
    """What a deal's properties are set to at an instant, as written."""

    dealstage: str = ""
    amount: str = ""
    closedate: str = ""
    hubspot_owner_id: str = ""
    dealname: str = ""


def read(
    folder: Path,
    actor: str,
    snapshot: date | None = None,
    form: str | None = None,
    currency: str = "USD",
    zone: tzinfo = UTC,
) -> Export:
    """The deals of the folder, to be run; `currency` is that of amounts that say none.

    `snapshot` is the day of the export, by default its latest time; `form` the strptime format of its dates.
    NotFound or Malformed where the folder as a whole cannot be read.
    """
    tables = load(folder, "", TABLES, REQUIRED)
    calendar = Calendar.of([(tables.rows[table], columns) for table, columns in TIMES.items()], form, snapshot, zone)
    stages = tables.rows["deal_pipeline_stage"]
    pipelines = Pipelines(tables.rows["deal_pipeline"], stages, tables.files, calendar.latest)
    entries = list(Deals(tables, calendar, pipelines, currency).entries())
    total = sum(entry.rows for entry in entries)
    prelude = pipelines.prelude(actor)
    return Export(SYSTEM, tables.batch, calendar.snapshot, prelude, total, iter(entries), LISTED)


class Deals:
    """Tells the story of every deal, and what else the folder knows of it."""

    def __init__(self, tables: Folder, calendar: Calendar, pipelines: Pipelines, currency: str) -> None:
        self.tables, self.calendar, self.pipelines, self.currency = tables, calendar, pipelines, currency
        self.ids = Counter(row.cells["deal_id"] for row in tables.rows["deal"])
        self.history, self.stages = self.by_deal("deal_property_history"), self.by_deal("deal_stage")
        self.owners = References((row.cells["owner_id"], owner_name(row)) for row in tables.rows["owner"])
        companies = References(
            (row.cells["id"], cell_text(row.cells["property_name"])) for row in tables.rows["company"]
        )
        self.accounts = {
            row.cells["deal_id"]: companies.get(row.cells["company_id"]) or row.cells["company_id"]
            for row in reversed(tables.rows["deal_company"])
        }
        self.merges = Merges(tables.rows["merged_deal"], tables.files["merged_deal"], calendar)

    def by_deal(self, table: str) -> dict[str, list[Row]]:
        """The rows of a table by the deal that they tell of."""
        found = defaultdict[str, list[Row]](list)
        for row in self.tables.rows[table]:
            found[row.cells["deal_id"]].append(row)
        return found

    def entries(self) -> Iterator[Entry]:
        """The deals; then the merges among them, what was done about them, and the end of what is deleted."""
        told = dict[str, Outcome | PipelineError]()
        yield from self.tables.refused()
        yield from self.pipelines.refused()
        for row in self.tables.rows["deal"]:
            name, says = row.cells["deal_id"], self.attempted(row)
            told[name] = says if isinstance(says, PipelineError) else Outcome.of(says)
            rows = 1 + (len(self.history[name]) + len(self.stages[name]) if self.ids[name] == 1 else 0)
            yield Entry(
                self.tables.files["deal"], row.line, name, f"opportunity-{SYSTEM}-{name}", row.cells, says, rows
            )
        for table in ("deal_property_history", "deal_stage", "deal_company"):
            yield from self.orphans(table)
        engagements = Engagements(self.tables.rows, self.tables.files, self.calendar)
        yield from engagements.entries({name for name, found in told.items() if isinstance(found, Outcome)})
        yield from self.merges.entries(told)
        yield from self.pipelines.retired()

    def orphans(self, table: str) -> Iterator[Entry]:
        """The rows of a table that tell of a deal which is not there, or is there twice."""
        for row in self.tables.rows[table]:
            name = row.cells["deal_id"]
            if self.ids[name] != 1:
                found = "no deal" if not self.ids[name] else f"{self.ids[name]} deals"
                reason = Malformed(f"deal_id: {found} of the export has the id {name!r}")
                yield Entry(self.tables.files[table], row.line, name, f"opportunity-{SYSTEM}-{name}", row.cells, reason)

    def attempted(self, row: Row) -> Story | PipelineError:
        """The story of a deal, or why it cannot be told."""
        name = row.cells["deal_id"]
        try:
            if not name:
                raise Malformed("deal_id: is empty")
            if self.ids[name] > 1:
                raise Malformed(f"deal_id: {self.ids[name]} rows share the id {name}; which one is the deal?")
            return self.story(name, self.observed(row))
        except PipelineError as error:
            return error

    def story(self, name: str, seen: list[Observation]) -> Story:
        """All that happened to a deal, as far as the export says. A merged one is not deleted besides."""
        if self.sets(name):
            return happened(seen, NAME)
        now = seen[-1]
        ending = next((found.at for found in seen if found.outcome), now.at)
        gone = now.deleted or name in self.merges.merged
        changes = as_it_is(seen[0], now._replace(at=ending), NAME, gone=gone)
        ended = [Change(now.at, DeleteOpportunity(f"deleted in {NAME}"))] if now.deleted else []
        return Story((*changes, *ended), is_current=True)

    def sets(self, name: str) -> list[tuple[datetime, str, str, Row]]:
        """When which property of a deal was set to what, and by which row; stages also where only those have rows."""
        found = [
            (self.calendar.instant(row.cells, "timestamp"), known, row.cells["value"], row)
            for row in self.history[name]
            if (known := PROPERTIES.get(row.cells["name"]))
        ]
        if not any(known == "dealstage" for _, known, *_ in found):
            found += [
                (self.calendar.instant(row.cells, "date_entered"), "dealstage", row.cells["value"], row)
                for row in self.stages[name]
            ]
        if all(known == "dealname" for _, known, *_ in found):  # a name alone is no history of a deal
            return []
        return sorted(found, key=lambda one: one[0])

    def observed(self, row: Row) -> list[Observation]:
        """The deal as its history has it, and as its row has it now."""
        cells, name = row.cells, row.cells["deal_id"]
        opened = self.calendar.instant(cells, "property_createdate")
        now = Properties(
            cells["deal_pipeline_stage_id"], cells["property_amount"], cells["property_closedate"], cells["owner_id"],
            cells.get("property_dealname", ""),
        )  # fmt: skip
        sets = self.sets(name)
        created = [one for one in sets if one[0] <= opened + AT_CREATION]
        entered = next((value for _, known, value, _ in sets if known == "dealstage"), now.dealstage)
        called = next((value for _, known, value, _ in sets if known == "dealname"), now.dealname)
        state = Properties(dealstage=entered, dealname=called) if sets else now
        for _, known, value, _ in created:
            state = state._replace(**{known: value})
        first = self.seen(row, opened, state, None)
        found = [first._replace(stage=first.stage or self.pipelines.first(first.process), outcome="", lost_note="")]
        if first.outcome and sets:
            found.append(first)
        for at, known, value, told in sets[len(created) :]:
            state = state._replace(**{known: value})
            found.append(self.seen(row, at, state, found[-1])._replace(row=told))
        found.append(self.seen(row, self.present(now, found[-1], bool(sets)), now, found[-1]))
        if truth(cells, "is_deleted") and name not in self.merges.merged:
            found.append(found[-1]._replace(deleted=True, at=self.calendar.latest))
        return found

    def present(self, now: Properties, last: Observation, told: bool) -> datetime:
        """Since when a deal's row is as it is: one that is closed since it was closed, any other as of the export."""
        found = self.pipelines.places.get(now.dealstage)
        if not found or found.kind == "open" or (told and last.outcome):
            return self.calendar.latest
        closed = self.calendar.known("closedate", now.closedate) or self.calendar.latest
        return max(last.at, min(closed, self.calendar.latest))

    def seen(self, row: Row, at: datetime, state: Properties, last: Observation | None) -> Observation:
        """A deal with its properties as set at an instant, after it was seen last."""
        cells = row.cells
        where = self.pipelines.places.get(state.dealstage)
        if state.dealstage and where is None:
            raise Malformed(f"dealstage: no stage of the export has the id {state.dealstage!r}")
        if where and where.wrong:
            raise Malformed(f"dealstage: the stage {state.dealstage} cannot be used: {where.wrong}")
        process = where.process if where else self.pipelines.stream(cells["deal_pipeline_id"])
        stage = where.id if where and where.kind == "open" else ""
        if not where or (not stage and last and last.process != process):
            stage = self.pipelines.first(process)
        outcome = where.kind if where and where.kind != "open" else ""
        return Observation(
            at=at,
            row=row,
            process=process,
            stage=stage,
            amount=money("amount", state.amount, cells.get("property_deal_currency_code") or self.currency),
            outcome=outcome,
            close_date=self.calendar.day({"closedate": state.closedate}, "closedate"),
            owner=self.owners.get(state.hubspot_owner_id) or cell_text(state.hubspot_owner_id),
            account=self.accounts.get(cells["deal_id"], ""),
            settled=self.pipelines.settled(process),
            lost_note=cell_text(cells.get("property_closed_lost_reason", "")) if outcome == "lost" else "",
            name=titled(cell_text(state.dealname)),
        )


def owner_name(row: Row) -> str:
    """An owner's name; of one who has none, the address."""
    name = " ".join(part for part in (cell_text(row.cells["first_name"]), cell_text(row.cells["last_name"])) if part)
    return name or cell_text(row.cells["email"]) or row.cells["owner_id"]
