"""What an import's facts say of the export that they came from: its day, its file, and how that was read."""

import re
from collections.abc import Iterable
from datetime import date

from domain.recorded import Recorded

BATCH = re.compile(r"(\d{4}-\d\d-\d\d)-([0-9a-f]+)(?:-([0-9a-f]+))?")  # snapshot, file, and how that was read


def newest(facts: Iterable[Recorded], system: str) -> date | None:
    """The day of the newest export of a system that told any of these facts, if one did."""
    batches = [fact.source.batch for fact in facts if fact.source and fact.source.system == system]
    return max((date.fromisoformat(day[1]) for batch in batches if (day := BATCH.fullmatch(batch))), default=None)
