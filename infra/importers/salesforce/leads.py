"""The leads of a Salesforce account: who they are, and which opportunity of the export each one became."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from domain.errors import Malformed, PipelineError
from domain.lead.disposition import MergeLead
from infra.importers.cells import CATCH_ALL, Cells, code, truth
from infra.importers.entries import Change, Entry, Story
from infra.importers.leads import Deal, LeadRecord
from infra.importers.observations import Observation
from infra.importers.references import References, cell_text
from infra.importers.salesforce.stages import NAME, SYSTEM
from infra.importers.tables import Row
from infra.importers.times import Calendar

UNFIT = ("unqualified", "disqualified", "closed - not converted")
"""The statuses that say a lead is given up: no column does, and these are Salesforce's own names for it."""


class Leads:
    """The leads, in the order of the table. `converted` are the ids of the opportunities that one of them opens,
    `streams` the streams of the leads by id, `refused` the ids of those that cannot be imported.
    """

    def __init__(
        self, rows: list[Row], file: str, calendar: Calendar, users: References[dict[str, str]],
        seen: Mapping[str, list[Observation] | PipelineError],
    ) -> None:  # fmt: skip
        self.rows, self.file, self.calendar, self.users, self.seen = rows, file, calendar, users, seen
        self.ids = Counter(row.cells["id"] for row in rows)
        self.streams = {name: f"lead-{SYSTEM}-{name}" for name in self.ids}
        self.converted, self.refused = set[str](), set[str]()
        self.found = [self.attempted(row) for row in rows]

    def entries(self) -> Iterator[Entry]:
        """Each lead; then those that were merged into another one, once all are there."""
        for row, says in zip(self.rows, self.found, strict=True):
            yield self.entry(row, says)
        for row, says in zip(self.rows, self.found, strict=True):
            if (master := row.cells.get("master_record_id")) and isinstance(says, LeadRecord):
                yield self.entry(row, self.merged(row.cells, master), rows=0)

    def entry(self, row: Row, says: LeadRecord | Story | PipelineError, rows: int = 1) -> Entry:
        """What a row says, with where it stands."""
        name = row.cells["id"]
        return Entry(self.file, row.line, name, f"lead-{SYSTEM}-{name}", row.cells, says, rows)

    def attempted(self, row: Row) -> LeadRecord | PipelineError:
        """The lead that a row holds, or why it holds none."""
        name = row.cells["id"]
        try:
            if not name:
                raise Malformed("id: is empty")
            if self.ids[name] > 1:
                raise Malformed(f"id: {self.ids[name]} rows share the id {name}; which one is the lead?")
            return self.record(row.cells)
        except PipelineError as error:
            self.refused.add(name)
            return error

    def record(self, cells: Cells) -> LeadRecord:
        """A lead as its row has it. One that became an account alone, no opportunity, is qualified and no more."""
        captured = self.calendar.instant(cells, "created_date")
        changed = max(captured, self.calendar.instant(cells, "last_modified_date", "created_date"))
        became = truth(cells, "is_converted")
        status, merged = cells.get("status", "").strip().lower(), bool(cells.get("master_record_id"))
        left = "deleted" if truth(cells, "is_deleted") and not merged else status if status in UNFIT else ""
        owner = self.users.get(cells.get("owner_id", ""))
        deal, converted_at = self.deal(cells, captured) if became else (None, None)
        return LeadRecord(
            source=cell_text(cells.get("lead_source", "")) or SYSTEM,
            captured_at=captured,
            changed_at=changed,
            company=cell_text(cells.get("company", "")),
            owner=cell_text(owner["name"] if owner else cells.get("owner_id", "")),
            name=cell_text(cells.get("name", "")),
            email=address(cells.get("email", "")),
            phone=cell_text(cells.get("phone", "")),
            qualified_at=converted_at or (self.calendar.closing(cells, "converted_date") if became else None),
            disqualified_at=changed if left and not became else None,
            disqualified_reason=code(left) if left else CATCH_ALL,
            converted_at=converted_at,
            deal=deal,
        )

    def deal(self, cells: Cells, captured: datetime) -> tuple[Deal | None, datetime | None]:
        """The opportunity that a lead became, opened by its conversion, and when that was."""
        name = cells["converted_opportunity_id"]
        if not name:
            return None, None
        seen = self.seen.get(name)
        if seen is None:
            raise Malformed(f"converted_opportunity_id: no opportunity of the export has the id {name!r}")
        if isinstance(seen, PipelineError):
            raise Malformed(f"converted_opportunity_id: the opportunity {name} cannot be imported: {seen}")
        if name in self.converted:
            raise Malformed(f"converted_opportunity_id: another lead became {name} already")
        first = seen[0]
        if first.at < captured:
            raise Malformed(f"converted_opportunity_id: {name} was there before the lead, which did not open it")
        self.converted.add(name)
        return Deal(f"opportunity-{SYSTEM}-{name}", first.process, first.amount, first.stage), first.at

    def merged(self, cells: Cells, master: str) -> Story | PipelineError:
        """The merge of a lead into the one that survived it."""
        if self.ids[master] != 1 or master in self.refused:
            return Malformed(f"master_record_id: no lead of the export that can be imported has the id {master!r}")
        at = self.calendar.instant(cells, "last_modified_date", "created_date")
        return Story((Change(at, MergeLead(self.streams[master], f"merged in {NAME}")),))


def address(text: str) -> str:
    """An e-mail address; a digest of one is none."""
    return text if "@" in text else ""
