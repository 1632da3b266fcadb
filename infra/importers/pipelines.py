"""Makes a sales process that can be published of the stages that an export has."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.errors import Malformed, PipelineError
from domain.reference.process import ForecastCategory, Kind, PublishProcess, Stage, check_stage
from infra.importers.references import digest, plain

LONGEST = 57  # characters of a stage id, with room for a digest
CATEGORIES: dict[Kind, ForecastCategory] = {"open": "pipeline", "won": "closed", "lost": "omitted"}
ABSENT = (
    Stage("open", "Open (not in the export)", 0, "open", Decimal(0), "pipeline"),
    Stage("won", "Won (not in the export)", 0, "won", Decimal(1), "closed"),
    Stage("lost", "Lost (not in the export)", 0, "lost", Decimal(0), "omitted"),
)


class Place(NamedTuple):
    """Where a stage of the export is: in which process, under which id, of which kind; `wrong` is why it is nowhere."""

    process: str
    id: str
    kind: Kind
    wrong: PipelineError | None = None


def stage(name: str, label: str, kind: Kind, probability: Decimal, category: ForecastCategory | None = None) -> Stage:
    """A stage as exported, its order still to come; Malformed where kind and probability contradict each other."""
    found = Stage(slug(name), label or name, 0, kind, probability, category or CATEGORIES[kind])
    check_stage(found)
    return found


def process(name: str, stages: Sequence[Stage]) -> PublishProcess:
    """The process of these stages, in this order. A kind that the export has no stage of gets one that says so."""
    ids: dict[str, str] = {}
    for found in stages:
        if (other := ids.setdefault(found.id, found.name)) != found.name:
            raise Malformed(f"{name}: the stages {other!r} and {found.name!r} would both have the id {found.id}")
    kinds = {found.kind for found in stages}
    missing = [absent for absent in ABSENT if absent.kind not in kinds]
    before = [absent for absent in missing if absent.kind == "open"]
    after = [absent for absent in missing if absent.kind != "open"]
    ordered = [*before, *stages, *after]
    return PublishProcess(
        name,
        tuple(
            Stage(s.id, s.name, 10 * place, s.kind, s.probability, s.forecast_category)
            for place, s in enumerate(ordered, 1)
        ),
    )


def slug(name: str) -> str:
    """A name as an id: lower case, hyphens; letters that this loses are made up for by a digest."""
    text = plain(name)
    kept = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-")
    lossy = not kept or not text.isascii() or len(text) > LONGEST
    return f"{kept}-{digest(name)[:6]}".lstrip("-") if lossy else kept
