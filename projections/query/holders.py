"""Whose quota or forecast a question asks for: that of sellers, of teams, or of everybody."""

from collections.abc import Collection

from domain import kind
from projections.query.metric import Query

SELLER, TEAM, EVERYBODY = "seller", "team", ""
DIMENSIONS = {"owner", "team", "currency"}
"""What the figure of a holder can be grouped by; that of a product, say, is nobody's."""


def level(asked: Query) -> str:
    """Whose figures: each seller's where the question is of one or apart by owner; else teams' likewise; else all."""
    question = asked.question
    if question.owner is not None or "owner" in asked.dimensions:
        return SELLER
    return TEAM if question.team is not None or "team" in asked.dimensions else EVERYBODY


def is_team(holder: str) -> bool:
    """Whether a holder is a team, named by its stream, and no seller."""
    return kind(holder) == "team"


def counted(asked: Query, holders: Collection[str], holder: str, currency: str) -> tuple[str, ...] | None:
    """The question's group in which a figure of a holder counts; None where the question is not about it.

    Each counts for the holder that it was set for: by seller a seller's own, by team a team's. Of everybody are those
    of the teams, and of the sellers in none of the teams that hold one too (`holders`), so that nothing counts twice.
    """
    question, whose = asked.question, level(asked)
    if not DIMENSIONS.issuperset(asked.dimensions) or question.currency not in (None, currency):
        return None
    seller, team = ("", holder) if is_team(holder) else (holder, asked.references.teams.at(holder, asked.moment))
    everybodys = is_team(holder) or team not in holders
    counts = everybodys if whose == EVERYBODY else is_team(holder) == (whose == TEAM)
    if not counts or question.owner not in (None, seller) or question.team not in (None, team):
        return None
    values = {"owner": seller, "team": team, "currency": question.convert_to or currency}
    return tuple(values[name] for name in asked.dimensions)
