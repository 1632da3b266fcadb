"""How an invented organisation writes down what happens: mostly at once, now and then days late, or wrong at first."""

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from domain import Command
from domain.money import Money
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate

LATE = 0.18  # share of the facts that come late, of those that may
LATE_ENDINGS = 0.3  # and of how deals ended; of all facts about 5 in 100
WRONG = 0.12  # share of the wins that are corrected once somebody looks at the contract
HANDSHAKES = 0.4  # share of those that were counted before they were signed; the others say a wrong amount
DISCOUNT, MODULE = "a discount was agreed", "a module was added"
WRONG_AMOUNTS = (
    (Decimal("1.10"), DISCOUNT),
    (Decimal("1.15"), DISCOUNT),
    (Decimal("1.25"), DISCOUNT),
    (Decimal("0.8"), MODULE),
)
"""What is said at first, as a multiple of the amount in the contract, and why."""


class Correction(NamedTuple):
    """What the win of a deal should have said: for which amount, and why it said another, or another day."""

    amount: Money
    reason: str


class Step(NamedTuple):
    """One thing asked of one stream: recorded at `recorded`, perhaps later than it `occurred`."""

    recorded: datetime
    occurred: datetime
    stream: str
    command: Command | Correction


def entered(steps: Iterator[tuple[datetime, str, Command]], draw: Random) -> Iterator[Step]:
    """The steps as they are written down, in the order of recording: most at once and as they were.

    Some come a few days late, how a deal ended only where nothing followed. Some wins are wrong until somebody corrects
    them.
    """
    later, moved, script = list[Step](), False, list(steps)
    for number, (moment, stream, command) in enumerate(script, 1):
        while later and later[0].recorded <= moment:
            yield heapq.heappop(later)
        ending = number == len(script)
        if ending and isinstance(command, WinOpportunity) and draw.random() < WRONG:
            wrong, correction = mistaken_win(moment, stream, command, draw)
            yield wrong
            heapq.heappush(later, correction)
        elif draw.random() < odds_of_being_late(command, moved, ending):
            heapq.heappush(later, Step(moment + timedelta(days=draw.uniform(1, 12)), moment, stream, command))
        else:
            yield Step(moment, moment, stream, command)
        moved = moved or isinstance(command, ChangeStage | ReopenOpportunity)
    while later:
        yield heapq.heappop(later)


def odds_of_being_late(command: Command, moved: bool, ending: bool) -> float:
    """How often people write it down when they get to it; what later steps rest on they write at once."""
    match command:
        case ChangeStage(to=stage):
            return 0 if moved or stage == "negotiation" else LATE
        case WinOpportunity() | LoseOpportunity():
            return LATE_ENDINGS if ending else 0
        case ChangeAmount() | ChangeCloseDate() | CompleteActivity():
            return LATE
        case _:
            return 0


def mistaken_win(moment: datetime, stream: str, win: WinOpportunity, draw: Random) -> tuple[Step, Step]:
    """A win as it is written down wrongly, and its correction: signed days later than was said, or another amount."""
    assert win.amount, "a script says for how much a deal was won"
    looked_up, signed = moment + timedelta(days=draw.uniform(10, 60)), moment
    if draw.random() < HANDSHAKES:
        said, reason = win.amount.amount, "counted at the handshake"
        signed += timedelta(days=draw.uniform(1, 9))
    else:
        factor, reason = draw.choice(WRONG_AMOUNTS)
        said = win.amount.amount * factor
    wrong = replace(win, amount=Money(said.quantize(Decimal("0.01")), win.amount.currency))
    return Step(moment, moment, stream, wrong), Step(looked_up, signed, stream, Correction(win.amount, reason))
