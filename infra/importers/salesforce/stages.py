"""The stages that Salesforce's opportunities go through, read off the opportunities: no table has them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from domain.errors import Malformed, PipelineError
from domain.reference.process import ForecastCategory, Kind
from infra.importers.cells import Cells, number, truth
from infra.importers.pipelines import Place, process, slug, stage
from infra.importers.references import References
from infra.importers.tables import Row

SYSTEM = "salesforce"
NAME = "Salesforce"
PROCESS = "process-salesforce"
ENDS: dict[Kind, Decimal] = {"won": Decimal(1), "lost": Decimal(0)}
T = TypeVar("T")
PERCENT = Decimal("0.01")
CATEGORIES = References[ForecastCategory](
    [
        ("Omitted", "omitted"), ("Pipeline", "pipeline"), ("BestCase", "best-case"), ("Best Case", "best-case"),
        ("MostLikely", "best-case"), ("Most Likely", "best-case"), ("Forecast", "commit"), ("Commit", "commit"),
    ]
)  # fmt: skip


class Count(NamedTuple):
    """How often the rows of one stage say what."""

    kinds: Counter[Kind]
    probabilities: Counter[Decimal]
    categories: Counter[ForecastCategory]


class Stages:
    """The process of the stage names that occur: open ones by their probability, then the won and the lost ones.

    Of each stage, what most of its rows say; a row that says otherwise is judged by hand, or cannot be used.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        counts = defaultdict[str, Count](lambda: Count(Counter(), Counter(), Counter()))
        for row in rows:
            count_one(counts, row.cells)
        self.places: dict[str, Place] = {}
        self.chances: dict[str, Decimal] = {}
        for name, count in counts.items():
            kind = most(count.kinds) or "open"
            chance = ENDS[kind] if kind != "open" else most(count.probabilities) or Decimal(0)
            self.places[name], self.chances[name] = Place(PROCESS, slug(name), kind), chance
        rank = {"open": 0, "won": 1, "lost": 2}
        ordered = sorted(self.places.items(), key=lambda item: (rank[item[1].kind], self.chances[item[0]], item[0]))
        categories: dict[str, ForecastCategory | None] = {
            name: most(count.categories) for name, count in counts.items()
        }
        self.process = process(
            NAME,
            [
                stage(name, name, p.kind, self.chances[name], categories[name] if p.kind == "open" else None)
                for name, p in ordered
            ],
        )
        self.first = next(found.id for found in self.process.stages if found.kind == "open")

    def place(self, cells: Cells) -> Place:
        """The stage that a row is in, or Malformed where it says something else of the stage than the others do."""
        name = cells["stage_name"]
        if not name:
            raise Malformed("stage_name: is empty")
        found, said = self.places.get(name), kind_of(cells)
        if found is None or found.kind != said:
            known = f"{found.kind} in most other rows" if found else "in no row that can be read"
            raise Malformed(f"stage_name: {name!r} is {said} by is_closed and is_won here, but {known}")
        return found

    def judged(self, cells: Cells, place: Place) -> Decimal | None:
        """The probability of an open opportunity where it is not that of its stage."""
        chance = probability(cells)
        return None if place.kind != "open" or chance in (None, self.chances[cells["stage_name"]]) else chance


def count_one(counts: dict[str, Count], cells: Cells) -> None:
    """Count what a row says of its stage; one that says nothing sane does not count."""
    try:
        name, kind, chance = cells["stage_name"], kind_of(cells), probability(cells)
    except PipelineError:
        return
    if name:
        counts[name].kinds[kind] += 1
        if chance is not None:
            counts[name].probabilities[chance] += 1
        if category := CATEGORIES.get(cells.get("forecast_category", "")):
            counts[name].categories[category] += 1


def kind_of(cells: Cells) -> Kind:
    """Whether a row's stage is open, won or lost, by its columns."""
    closed, won = truth(cells, "is_closed"), truth(cells, "is_won")
    if won and not closed:
        raise Malformed("is_won: the opportunity is won, but not closed")
    return "won" if won else "lost" if closed else "open"


def probability(cells: Cells) -> Decimal | None:
    """The probability of a row as a share, None where it has none."""
    text = cells.get("probability", "")
    if not text:
        return None
    percent = number("probability", text)
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise Malformed(f"probability: {text} is not from 0 to 100 percent")
    return round(percent * PERCENT, 4)


def most(counter: Counter[T]) -> T | None:
    """What was counted most often; of equals, the first in the order of their texts."""
    return min(counter, key=lambda item: (-counter[item], str(item)), default=None)
