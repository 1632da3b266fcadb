"""The inbox: what a seller turns to next, in the order in which it matters."""

from typing import Any

from domain.money import Money
from domain.recorded import instant
from infra.web.lists import table_of
from infra.web.moment import moment_of
from infra.web.names import names_of, stage_names
from infra.web.page import Cell, Column, Page, Table, Visit
from projections.records import KINDS

SHOWN = 100  # deals of a section
SECTIONS = (
    ("overdue", "Overdue", "Nothing is overdue."),
    ("due", "Due", "Nothing is due."),
    ("no next step", "Without a next step", "Every deal has a next step."),
)
TO_QUALIFY = "to-qualify"


def inbox(visit: Visit) -> Page:
    """Follow-ups overdue and due, deals without a next step, and leads to qualify; of one owner, or of all."""
    owner = visit.one("owner")
    answer = visit.ask("follow-up", visit.with_team({**visit.moment(), **({"owner": owner} if owner else {})}))
    tables = [section(visit, answer.records, *each) for each in SECTIONS]
    wanted = {**visit.moment(), "view": TO_QUALIFY, **({"owner": owner} if owner else {})}
    leads = visit.list("lead", wanted)
    found = table_of(visit, "lead", KINDS["lead"], leads)
    if visit.writes and not visit.past:
        doing = [Cell("Qualify", "", f"/leads/{each.stream}/qualify-lead") for each in leads.records]
        rows = [[*row, cell] for row, cell in zip(found.rows, doing, strict=True)]
        found = found._replace(columns=[*found.columns, Column("do", "To do")], rows=rows)
    tables.append(found._replace(name="leads", caption="Leads to qualify", empty="No lead waits to be qualified."))
    counts = [(table.caption, len(table.rows), table.name) for table in tables]
    parts = {"moment": moment_of(visit), "owner": owner, "counts": counts, "instant": instant(answer.effective_at)}
    return Page("inbox.html", "Inbox", parts, tables)


def section(visit: Visit, rows: Any, state: str, title: str, empty: str) -> Table:
    """The deals of one state, each leading to its page and to what is done about it."""
    columns = (
        Column("stream", "Deal"),
        Column("owner", "Owner"),
        Column("stage", "Stage"),
        Column("due", "Due"),
        Column("overdue_days", "Days overdue", True),
        Column("amount", "Amount", True),
        Column("do", "To do"),
    )
    chosen = [row for row in rows if row.state == state]
    names = names_of(visit, [row.stream for row in chosen[:SHOWN]])
    stages = {process: stage_names(visit, process) for process in {row.process for row in chosen}}
    writes = visit.writes and not visit.past
    found = [
        [
            Cell(names.get(row.stream) or str(row.stream), row.stream, visit.link(f"/opportunities/{row.stream}")),
            Cell(row.owner),
            Cell(stages[row.process].get(row.stage) or row.stage, row.stage),
            Cell(row.due),
            Cell(str(row.overdue_days) if row.overdue_days else "", row.overdue_days),
            Cell(str(Money(row.amount, row.currency)), row.amount),
            Cell("Set next step" if writes else "", "", f"/opportunities/{row.stream}/set-next-step" if writes else ""),
        ]
        for row in chosen[:SHOWN]
    ]
    more = f", the first {SHOWN} of {len(chosen):,}" if len(chosen) > SHOWN else ""
    return Table(state.replace(" ", "-"), columns, found, f"{title}{more}", empty=empty)
