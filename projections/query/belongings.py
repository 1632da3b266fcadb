"""What somebody works on: the open deals and the leads in work that belong to them, as far as everything is known."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, literal_column, select, union_all

from domain.lead import NEXT
from domain.lead.profile import LeadAssigned
from projections.query.tables import LEADS, OPPORTUNITIES, AnySelect, effective, known

IN_WORK: list[ColumnElement[str]] = [
    literal_column(f"'{status}'") for status, nexts in NEXT.items() if LeadAssigned in nexts
]
"""The statuses in which a lead is somebody's to work on."""


def belongings(owners: Collection[str], process: str = "") -> AnySelect:
    """(stream,) of each deal and lead that belongs to one of the owners, in order; with a process, its deals alone."""
    deals, leads = OPPORTUNITIES.c, LEADS.c
    opens = [known(OPPORTUNITIES), effective(OPPORTUNITIES), deals.status == literal_column("'open'")]
    query = select(deals.stream).where(*opens, deals.owner.in_(owners))
    if process:
        return query.where(deals.process == process).order_by(deals.stream)
    works = [known(LEADS), effective(LEADS), leads.status.in_(IN_WORK), leads.owner.in_(owners)]
    both = union_all(query, select(leads.stream).where(*works)).subquery()
    return select(both.c.stream).order_by(both.c.stream)
