"""Two pipelines for the tables and the walks. The first was revised: `demo` is gone from it, `trial` is new."""

from decimal import Decimal

from domain.money import Money
from domain.reference.process import Published, Stage, Version


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def stage(stage_id: str, order: int, kind: str = "open", *exit_criteria: str) -> Stage:
    chance = {"open": Decimal("0.5"), "won": Decimal(1), "lost": Decimal(0)}[kind]
    return Stage(stage_id, stage_id.title(), order, kind, chance, "pipeline", exit_criteria)


FIRST = Version((
    stage("need", 10, "open", "pain", "sponsor"), stage("demo", 20), stage("offer", 30, "open", "price"),
    stage("won", 40, "won"), stage("lost", 50, "lost"),
))  # fmt: skip
REVISED = Version((
    stage("need", 10), stage("trial", 20, "open", "pain"), stage("offer", 30), stage("won", 40, "won"),
    stage("lost", 50, "lost"), stage("dropped", 60, "lost"),
))  # fmt: skip
RENEWALS = Version((stage("lapsed", 1, "lost"), stage("review", 2), stage("terms", 3), stage("renewed", 4, "won")))
READ = {
    "process-sales": Published("Sales", {1: FIRST.stages, 2: REVISED.stages}),
    "process-renewals": Published("Renewals", {1: RENEWALS.stages}),
    "process-draft": None,
}
