"""What a seller knows better than the process: a probability, a forecast category, who shares in a deal."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.bounds import Why
from domain.errors import Malformed
from domain.personal import Personal
from domain.portion import Portion
from domain.reference.process import ForecastCategory


class ProbabilityOverridden(Struct, frozen=True, tag="probability-overridden"):
    """Somebody judges the chance of winning themselves, whatever the stage says, until it is cleared or closed."""

    probability: Decimal
    reason: Personal


class ProbabilityCleared(Struct, frozen=True, tag="probability-cleared"):
    """The stage's probability counts again."""


class ForecastCategoryChanged(Struct, frozen=True, tag="forecast-category-changed", rename={"from_": "from"}):
    """Somebody puts the deal into a forecast category; none means that the stage's counts again."""

    from_: ForecastCategory | None
    to: ForecastCategory | None


class Share(Struct, frozen=True):
    """A seller's part in a deal, from 0 to 1."""

    owner: str
    share: Decimal


class SplitsChanged(Struct, frozen=True, tag="splits-changed"):
    """The deal is now shared so; no shares mean that it is all its owner's."""

    shares: tuple[Share, ...]


class OverrideProbability(Struct, frozen=True, tag="override-probability", forbid_unknown_fields=True):
    """Judge the chance of winning the deal yourself, from 0 to 1, with the reason."""

    probability: Portion
    reason: Why

    def __post_init__(self) -> None:
        if not self.probability.is_finite() or not 0 <= self.probability <= 1:
            raise Malformed(f"probability: {self.probability} is not from 0 to 1")
        if self.probability != round(self.probability, 4):
            raise Malformed(f"probability: {self.probability} is finer than a basis point (0.0001)")
        if not self.reason.strip():
            raise Malformed("reason: overriding the stage's probability needs one")


class ClearProbability(Struct, frozen=True, tag="clear-probability", forbid_unknown_fields=True):
    """Let the stage's probability count again."""


class ChangeForecastCategory(Struct, frozen=True, tag="change-forecast-category", forbid_unknown_fields=True):
    """Put the deal into a forecast category; left out, the stage's counts again."""

    to: ForecastCategory | None = None

    def __post_init__(self) -> None:
        if self.to == "closed":
            raise Malformed("to: a deal is closed by winning it, not by its forecast category")


class ChangeSplits(Struct, frozen=True, tag="change-splits", forbid_unknown_fields=True):
    """Share the deal among sellers: the shares come to 1; none at all mean that it is all its owner's."""

    shares: tuple[Share, ...] = ()

    def __post_init__(self) -> None:
        if any(not part.owner.strip() for part in self.shares):
            raise Malformed("shares.owner: a share is somebody's")
        if any(not part.share.is_finite() or not 0 < part.share <= 1 for part in self.shares):
            raise Malformed("shares.share: each is above 0 and at most 1")
        if self.shares and (total := sum(part.share for part in self.shares)) != 1:
            raise Malformed(f"shares.share: they come to {total}, not to 1")
        if len({part.owner for part in self.shares}) < len(self.shares):
            raise Malformed("shares.owner: somebody stands twice")


Event = ProbabilityOverridden | ProbabilityCleared | ForecastCategoryChanged | SplitsChanged
Command = OverrideProbability | ClearProbability | ChangeForecastCategory | ChangeSplits


class Judgement(Struct, frozen=True):
    """What was judged by hand; None and no shares where nothing was."""

    probability: Decimal | None = None
    category: ForecastCategory | None = None
    shares: tuple[Share, ...] = ()

    def closed(self) -> "Judgement":
        """What stays of it when the deal is closed: who shares in it."""
        return Judgement(shares=self.shares)


def decide(state: Judgement, command: Command) -> tuple[Event, ...]:
    """What follows from a command; what is judged so already appends nothing."""
    match command:
        case OverrideProbability(probability, reason):
            return () if probability == state.probability else (ProbabilityOverridden(probability, reason),)
        case ClearProbability():
            return () if state.probability is None else (ProbabilityCleared(),)
        case ChangeForecastCategory(to):
            return () if to == state.category else (ForecastCategoryChanged(state.category, to),)
        case ChangeSplits(shares):
            return () if shares == state.shares else (SplitsChanged(shares),)


def evolve(state: Judgement, event: Event) -> Judgement:
    """The judgement after a fact."""
    match event:
        case ProbabilityOverridden(probability):
            return replace(state, probability=probability)
        case ProbabilityCleared():
            return replace(state, probability=None)
        case ForecastCategoryChanged(to=to):
            return replace(state, category=to)
        case SplitsChanged(shares):
            return replace(state, shares=shares)
