"""Salesforce's tasks and events as what was done, or is planned, about an opportunity or a lead."""

from collections.abc import Container, Iterator, Mapping

from domain import Command
from domain.errors import Malformed, PipelineError
from domain.lead.profile import ContactLead
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity
from infra.importers.cells import Cells, code, identifier, truth
from infra.importers.entries import Change, Entry, Story
from infra.importers.references import cell_text
from infra.importers.tables import Row
from infra.importers.times import Calendar


def activities(
    table: str, rows: list[Row], file: str, calendar: Calendar, streams: Mapping[str, str], refused: Container[str]
) -> Iterator[Entry]:
    """Each row of the table; `streams` are the opportunities and leads by id, `refused` those not imported."""
    for row in rows:
        cells = row.cells
        about = next((cells[name] for name in ("what_id", "who_id") if cells[name] in streams), "")
        says: Story | PipelineError
        try:
            if not about:
                raise Malformed(
                    f"what_id, who_id: neither {cells['what_id']!r} nor {cells['who_id']!r} is an opportunity or a"
                    " lead of the export"
                )
            if about in refused:
                raise Malformed(f"what_id, who_id: {about} cannot be imported itself")
            if truth(cells, "is_deleted"):
                raise Malformed("is_deleted: the activity is deleted")
            says = Story((change(table, cells, calendar, streams[about].startswith("lead-")),))
        except PipelineError as error:
            says = error
        yield Entry(file, row.line, cells["id"], streams.get(about, ""), cells, says)


def change(table: str, cells: Cells, calendar: Calendar, lead: bool) -> Change:
    """What was done, when it was, or the plan to do it. An event that is over took place."""
    kind = code(cell_text(cells.get("type") or cells.get(f"{table}_subtype", "")) or table)
    note, name = cell_text(cells.get("subject", "")), identifier(cells["id"])
    if table == "task":
        due = calendar.day(cells, "activity_date")
        done = calendar.instant(cells, "completed_date_time", "activity_date") if truth(cells, "is_closed") else None
    else:
        columns = ("end_date_time", "activity_date_time", "activity_date")
        ending = next((column for column in columns[:2] if cells.get(column)), columns[0])
        ends = calendar.known(ending, cells.get(ending, ""))
        due = next((day for column in columns if (day := calendar.day(cells, column))), None)
        done = ends if ends and ends <= calendar.latest else None
    found: Command
    if done:
        found = ContactLead(name, kind, note) if lead else CompleteActivity(name, kind, note)
        return Change(done, found, change_key="done")
    if lead:
        raise Malformed("who_id: what is planned with a lead is no contact yet")
    if due is None:
        raise Malformed("activity_date: is empty, so that the plan has no date")
    return Change(
        calendar.instant(cells, "created_date"), ScheduleActivity(name, kind, due, note), change_key="planned"
    )
