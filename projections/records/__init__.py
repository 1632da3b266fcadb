"""Records: what there is of each kind at a moment, one by one, and lists of them."""

from projections.records import frameworks, leads, opportunities, processes, subjects, teams
from projections.records.kind import Kind
from projections.records.references import CUSTOMER, QUOTA, RATE

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        leads.KIND, opportunities.KIND, CUSTOMER, processes.KIND, frameworks.KIND, teams.KIND, QUOTA, RATE,
        subjects.KIND,
    )
}  # fmt: skip
"""What can be listed, by the name that one of them has."""

__all__ = ["KINDS"]
