"""Records: what there is of each kind at a moment, one by one, and lists of them."""

from projections.records import leads, opportunities
from projections.records.kind import Kind

KINDS: dict[str, Kind] = {module.KIND.name: module.KIND for module in (leads, opportunities)}
"""What can be listed, by the name that one of them has."""

__all__ = ["KINDS"]
