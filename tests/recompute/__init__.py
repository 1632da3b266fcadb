"""Every number once more, from the events as they are stored: the plainest way, sharing no code with the rest.

What a metric means is told in its own docstring and in docs; this is a second reading of it. Histories are small
here, so nothing is quick: deals are folded for every question, and each group and period is gone through by itself.
"""

from typing import Any, NamedTuple

from tests.recompute import asking, balance, conversions, moments, planning
from tests.recompute.asking import Answer, Metric, Others, World
from tests.recompute.fold import Raw


class Recomputed(NamedTuple):
    """A number: its records, whether it is asked over a period, and the groups that it has beside those of deals."""

    records: Metric
    over_period: bool = False
    others: Others | None = None


METRICS = {
    "board": Recomputed(moments.board),
    "weighted": Recomputed(moments.weighted),
    "win-rate": Recomputed(moments.win_rate, True),
    "funnel": Recomputed(conversions.funnel, True),
    "transitions": Recomputed(conversions.transitions, True),
    "backward-moves": Recomputed(conversions.backward_moves, True),
    "stage-flow": Recomputed(conversions.stage_flow, True),
    "lead-conversion": Recomputed(conversions.lead_conversion, True, conversions.groups_of_leads),
    "time-in-stage": Recomputed(conversions.time_in_stage, True),
    "generation": Recomputed(conversions.generation, True),
    "push-count": Recomputed(conversions.push_count, True),
    "forecast": Recomputed(planning.forecast, True, planning.holders),
    "coverage": Recomputed(planning.coverage, True, planning.holders),
    "velocity": Recomputed(planning.velocity, True),
    "ageing": Recomputed(planning.ageing),
    "follow-up": Recomputed(planning.follow_up),
    "waterfall": Recomputed(balance.waterfall, True, balance.scopes),
    "slip-rate": Recomputed(conversions.slip_rate, True),
}


def recomputed(metric: str, world: World, question: Any) -> Answer:
    """The answer to a question, which names its mode."""
    records, over_period, others = METRICS[metric]
    return asking.answer(records, over_period, world, question, others)


__all__ = ["METRICS", "Answer", "Raw", "Recomputed", "World", "recomputed"]
