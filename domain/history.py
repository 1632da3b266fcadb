"""One stream's facts in the order in which they took effect, and what a back-dated command may do to them."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain import correction
from domain.correction import CorrectAmount, CorrectFact, FactCorrected, as_fact
from domain.decider import Context, Decider, FollowUpCommand, NewEvent, alone
from domain.errors import Malformed, Rejected
from domain.recorded import Fact, instant


def effective_order(facts: Iterable[Fact]) -> list[tuple[int, int, Fact]]:
    """(instant, version, fact) by instant, then version; `facts` in order of version, at least one.

    A correction stands in the place of what it corrects, or takes it away. Nothing takes effect before the
    opening, the lowest version, does.
    """
    standing: dict[int, Fact] = {}
    for fact in facts:
        if not fact.corrects or fact.corrects in standing:  # a filtered projection may never have seen the target
            standing[fact.corrects or fact.version] = fact
    if not standing:  # corrections alone, of facts that were never seen
        return []
    opened = standing[min(standing)].occurred_at
    placed = (
        (max(fact.occurred_at, opened), version, fact) for version, fact in standing.items() if fact.event is not None
    )
    return sorted(placed, key=lambda place: place[:2])


Mark = tuple[int, int, Any, int]
"""A point to which a history can be rewound: number of facts, version, state, latest instant."""


class History:
    """A stream as decisions see it: its state at any instant, and whether new facts leave the later ones possible.

    `version` is that of the last fact, 0 for a stream that has none.
    """

    def __init__(self, stream: str, decider: Decider, facts: Sequence[Fact] = ()) -> None:
        self.stream, self.decider = stream, decider
        self.version, self.state, self.latest = 0, None, 0
        self.facts: list[Fact] = []
        if facts:
            self.facts = list(facts)
            self._fold_anew()

    def state_at(self, moment: int) -> Any:
        """The state at an instant; before the opening, the state that the opening made."""
        if not self.facts or moment >= self.latest:
            return self.state
        state, order = None, effective_order(self.facts)
        for when, _, fact in order:
            if when > max(moment, order[0][0]):
                break
            state = self.decider.evolve(state, fact.event)
        return state

    def moment_of(self, command: Any, given: int | None, now: int) -> int:
        """When what a command asks for happens, in microseconds: as given, or now; a correction at its fact's time."""
        if isinstance(command, CorrectAmount) and given is not None:
            raise Malformed("occurred_at: the win keeps its time when its amount is corrected; leave it out")
        command = self._spelled(command)
        if isinstance(command, CorrectFact):
            return correction.moment_of(self.facts, command, given)
        moment = now if given is None else given
        return max(moment, self.latest) if self.decider.onward else moment

    def reads(self, command: Any, state: Any) -> tuple[str, ...]:
        """The streams that a decision on a state must look at."""
        command = self._spelled(command)
        reads = correction.reads if isinstance(command, CorrectFact) else self.decider.reads
        return reads(state, command)

    def decide(
        self, command: Any, state: Any, given: int | None, at: int, context: Context
    ) -> tuple[NewEvent | FollowUpCommand, ...]:
        """What follows from a command on the state at an instant: events here, and commands for other streams.

        `given`: the instant that was asked for, None where none was. Raises what the decider raises.
        """
        command = self._spelled(command)
        if isinstance(command, CorrectFact):
            events = correction.decide(self.facts, state, command, given, context)
            return (*events, *self._caused(events))
        answer = self.decider.decide(state, command, context)
        return tuple([each if isinstance(each, FollowUpCommand) else NewEvent(each, at) for each in answer])

    def check(self, events: Sequence[NewEvent]) -> None:
        """Raise Rejected, naming it, where a fact that is there already would become impossible."""
        if not self.facts or self.follows(events):
            return
        broken = self._impossible(self.facts)
        now = self._impossible([*self.facts, *self._numbered(events)])
        for fact in now:
            if fact not in broken:
                added = ", ".join(str(new.event.__struct_config__.tag) for new in events)
                named = fact.tag if fact.event is None else str(fact.event.__struct_config__.tag)
                raise Rejected(
                    f"{added} at {instant(events[0].occurred_at):%Y-%m-%d %H:%M:%S}Z: would make a later fact of"
                    f" {self.stream} impossible: {named}, version {fact.corrects or fact.version},"
                    f" of {instant(fact.occurred_at):%Y-%m-%d %H:%M:%S}Z"
                )

    def add(self, events: Sequence[NewEvent]) -> None:
        """Take new facts in, in the order in which they were decided."""
        in_order = self.follows(events)
        for fact in self._numbered(events):
            self.facts.append(fact)
            self.version = fact.version
            if in_order:
                self.state = self.decider.evolve(self.state, fact.event)
                self.latest = fact.occurred_at
        if not in_order:
            self._fold_anew()

    def follow(self, facts: Sequence[Fact]) -> None:
        """Take in facts that the log has by now, in order of version, which this history did not decide."""
        in_order, latest = bool(self.facts), self.latest
        for fact in facts:
            in_order = in_order and not fact.corrects and fact.occurred_at >= latest
            latest = fact.occurred_at
        self.facts += facts
        if not in_order:
            return self._fold_anew()
        for fact in facts:
            self.state, self.version = self.decider.evolve(self.state, fact.event), fact.version
        self.latest = latest

    def follows(self, events: Sequence[NewEvent]) -> bool:
        """Whether new facts come after all that is there, in order: the usual case, in which nothing is folded anew."""
        latest = self.latest
        for event, moment in events:
            if moment < latest or type(event) is FactCorrected:
                return False
            latest = moment
        return True

    def mark(self) -> Mark:
        """Where the history stands, to come back to."""
        return len(self.facts), self.version, self.state, self.latest

    def rewind(self, mark: Mark) -> None:
        """Be as at the mark again."""
        count, self.version, self.state, self.latest = mark
        del self.facts[count:]

    def _spelled(self, command: Any) -> Any:
        """A command that corrects an amount as the correction of a fact that it is; any other as it is."""
        if not isinstance(command, CorrectAmount):
            return command
        return correction.of_the_win([fact for *_, fact in effective_order(self.facts)], command, self.state)

    def _caused(self, events: Sequence[NewEvent]) -> Iterable[FollowUpCommand]:
        """What a correction asks of other streams, at the time of what it corrects."""
        if not events or self.decider.follows is alone:
            return ()
        state = None
        for _, _, fact in effective_order([*self.facts, *self._numbered(events)]):
            state = self.decider.evolve(state, fact.event)
        asked = self.decider.follows(self.stream, self.state, state)
        return (command._replace(at=events[0].occurred_at) for command in asked)

    def _numbered(self, events: Sequence[NewEvent]) -> list[Fact]:
        return [
            as_fact(0, self.stream, version, str(new.event.__struct_config__.tag), new.occurred_at, new.event)
            for version, new in enumerate(events, self.version + 1)
        ]

    def _impossible(self, facts: Sequence[Fact]) -> list[Fact]:
        """The facts that do not fit the state they meet, in effective order."""
        state, found = None, list[Fact]()
        for _, _, fact in effective_order(facts):
            if not self.decider.possible(state, fact.event):
                found.append(fact)
            state = self.decider.evolve(state, fact.event)
        return found

    def _fold_anew(self) -> None:
        self.state, order = None, effective_order(self.facts)
        for _, _, fact in order:
            self.state = self.decider.evolve(self.state, fact.event)
        self.version, self.latest = self.facts[-1].version, order[-1][0] if order else 0
