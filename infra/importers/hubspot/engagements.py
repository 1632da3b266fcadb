"""HubSpot's engagements (calls, mails, meetings, messages, notes, tasks) as what was done or is planned about deals."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from domain import Command
from domain.errors import Malformed, PipelineError
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity
from infra.importers.cells import Cells, identifier, truth
from infra.importers.entries import Change, Entry, Story
from infra.importers.hubspot.pipelines import SYSTEM
from infra.importers.references import cell_text
from infra.importers.tables import Row
from infra.importers.times import Calendar

KINDS = ("call", "communication", "email", "meeting", "note", "task")
COLUMNS = ("engagement_id",)
LINK_COLUMNS = ("deal_id", "engagement_id")
STARTED = ("property_hs_timestamp", "start_time", "property_hs_createdate")
ENDED = ("property_hs_meeting_end_time", "end_time", *STARTED)
CREATED = ("property_hs_createdate", "_fivetran_synced")
COMPLETED = ("property_hs_task_completion_date", "property_hs_lastmodifieddate", *CREATED)
TITLES = ("property_hs_email_subject", "property_hs_meeting_title", "property_hs_call_title", "title")


class Engagements:
    """The engagements, each of the deals that the export links it to."""

    def __init__(self, tables: Mapping[str, Sequence[Row]], files: Mapping[str, str], calendar: Calendar) -> None:
        self.tables, self.files, self.calendar = tables, files, calendar
        self.deals = defaultdict[str, list[str]](list)
        for row in tables["engagement_deal"]:
            self.deals[row.cells["engagement_id"]].append(row.cells["deal_id"])

    def entries(self, known: Collection[str]) -> Iterator[Entry]:
        """Each engagement, and each link that leads nowhere; `known` are the deals that can be imported."""
        there = {row.cells["engagement_id"] for kind in KINDS for row in self.tables[f"engagement_{kind}"]}
        for kind in KINDS:
            table = f"engagement_{kind}"
            for row in self.tables[table]:
                name = row.cells["engagement_id"]
                deals = [deal for deal in dict.fromkeys(self.deals[name]) if deal in known]
                says = self.story(kind, row.cells, deals)
                stream = f"opportunity-{SYSTEM}-{deals[0]}" if deals else ""
                yield Entry(self.files[table], row.line, name, stream, row.cells, says)
        for row in self.tables["engagement_deal"]:
            deal, name = row.cells["deal_id"], row.cells["engagement_id"]
            if deal not in known or name not in there:
                missing = f"deal_id: no deal of the export that can be imported has the id {deal!r}"
                if deal in known:
                    missing = f"engagement_id: no engagement of the export has the id {name!r}"
                stream = f"opportunity-{SYSTEM}-{deal}"
                yield Entry(self.files["engagement_deal"], row.line, name, stream, row.cells, Malformed(missing))

    def story(self, kind: str, cells: Cells, deals: Sequence[str]) -> Story | PipelineError:
        """What was done about the deals, or is planned, or why that cannot be told."""
        try:
            if not deals:
                raise Malformed("engagement_id: is linked to no deal of the export that can be imported")
            if truth(cells, "_fivetran_deleted"):
                raise Malformed("_fivetran_deleted: the engagement is deleted")
            change = self.change(kind, cells)
        except PipelineError as error:
            return error
        return Story(
            tuple(
                change._replace(stream=f"opportunity-{SYSTEM}-{deal}", change_key=f"{change.change_key} {deal}")
                for deal in deals
            )
        )

    def change(self, kind: str, cells: Cells) -> Change:
        """What was done, when it was, or the plan to do it. A meeting that is over took place; a task says so."""
        calendar, name = self.calendar, identifier(cells["engagement_id"])
        note = cell_text(next((cells[title] for title in TITLES if cells.get(title)), ""))
        if kind == "task":
            done = cells.get("property_hs_task_status", "").upper() == "COMPLETED"
            columns = COMPLETED
        else:
            columns = ENDED if kind == "meeting" else STARTED
            column = next((column for column in columns if cells.get(column)), columns[0])
            over = calendar.known(column, cells.get(column, ""))
            done = over is None or over <= calendar.latest
        found: Command
        if done:
            found = CompleteActivity(name, kind, note)
            return Change(calendar.instant(cells, *columns), found, change_key="done")
        due = next((day for column in STARTED if (day := calendar.day(cells, column))), None)
        if due is None:
            raise Malformed(f"{STARTED[0]}: is empty, so that the plan has no date")
        return Change(calendar.instant(cells, *CREATED), ScheduleActivity(name, kind, due, note), change_key="planned")
