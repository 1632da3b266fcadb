"""Decides many stories of new deals at once, by the same rules as everybody's, with less around each single change.

A change that says something about a person, asks another stream or does not fit goes the common way.
Facts decided here name their change as what caused them, which is how a later import knows it; a command id of its
own, with a kept answer, only those changes have that appended nothing.
"""

from collections.abc import Sequence

from msgspec import Struct

from domain import BY_KIND, Context, Event, kind
from domain.closing import LoseOpportunity
from domain.correction import as_fact
from domain.errors import Conflict, PipelineError
from domain.history import History, Mark
from domain.opportunity import OpenOpportunity
from domain.personal import personal_texts
from domain.progress import ChangeStage
from domain.recorded import Fact, Request, micros
from domain.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner
from infra.dispatch import ATTEMPTS, NAME, NUL, SKEW, Batch, Dispatcher, Receipt, encode_canonical
from infra.identifiers import uuid7
from infra.store.codec import encode
from infra.store.log import Answer, Draft

KIND = "opportunity"
KEPT = 5_000  # histories kept for the next groups: what tells of one deal stands close together in an export
PLAIN: frozenset[type[Struct]] = frozenset(
    (OpenOpportunity, ChangeStage, ChangeOwner, ChangeAccount, ChangeAmount, ChangeCloseDate, LoseOpportunity)
)
"""Commands that concern one deal alone; winning makes a customer too."""

Outcome = list[Receipt] | PipelineError


def execute(dispatcher: Dispatcher, groups: Sequence[Sequence[Request]]) -> list[Outcome]:
    """What `Dispatcher.execute_groups` does, for groups that are mostly stories of new deals."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Bulk(dispatcher, groups).run()
        except Conflict:
            dispatcher.histories.clear()
            dispatcher.vault.refresh()
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


class Bulk(Batch):
    """Groups of requests decided together; of those told plainly, the story of a deal in one go."""

    def run(self) -> list[Outcome]:
        """Decide, append, answer; receipts name facts, but not where they stand in the log."""
        plain = [is_plain(self.dispatcher, group) for group in self.groups]
        other = [r for group, swift in zip(self.groups, plain, strict=True) if not swift for r in group]
        if asked := [(r.actor, r.command_id) for r in other if r.command_id]:
            self.known = self.dispatcher.log.answers(asked)
        self.vault.load(request.stream for request in other if kind(request.stream) == "lead")
        outcomes = [
            self.tell(group) if swift else self.attempt(group) for group, swift in zip(self.groups, plain, strict=True)
        ]
        self.append()
        while len(self.dispatcher.histories) > KEPT:
            self.dispatcher.histories.popitem(last=False)
        return outcomes

    def tell(self, group: Sequence[Request]) -> Outcome:
        """What a story leads to, where it is as plain as it seems; else the common way finds out why not."""
        drafts, answers = len(self.drafts), len(self.answers)
        history = self.look_at(group[0].stream)
        story = Telling(self, history)
        try:
            if all(story.take(request) for request in group):
                story.settle()
                return story.receipts
        except PipelineError:
            pass
        del self.drafts[drafts:]
        while len(self.answers) > answers:
            self.answers.popitem()
        for touched, mark in reversed(story.touched):
            touched.rewind(mark)
        return self.attempt(group)


class Telling:
    """A story on its way: the state that its changes led to so far, which the history learns at the end."""

    def __init__(self, batch: Bulk, history: History) -> None:
        self.batch, self.history, self.decider = batch, history, BY_KIND[KIND]
        self.touched: list[tuple[History, Mark]] = [(history, history.mark())]
        self.receipts: list[Receipt] = []
        self.nothing = Receipt(history.stream, ())
        self.begin()

    def begin(self) -> None:
        """Go on from what the history knows."""
        self.facts: list[Fact] = []
        self.read: dict[tuple[str, ...], Context] = {}
        self.state, self.version, self.latest = self.history.state, self.history.version, self.history.latest

    def settle(self) -> None:
        """Tell the history what happened."""
        self.history.facts += self.facts
        self.history.version, self.history.state, self.history.latest = self.version, self.state, self.latest

    def take(self, request: Request) -> bool:
        """Decide one change on the ones before; False where it is not in effective order."""
        batch, command = self.batch, request.command
        moment = micros(request.occurred_at) if request.occurred_at else batch.now
        if not self.latest <= moment <= batch.now + SKEW:
            return False
        if type(command) not in PLAIN:
            self.settle()
            self.receipts.append(batch.attempt_one(request, self.touched))
            self.begin()
            return True
        answer = self.decider.decide(self.state, command, self.context(request))
        if answer:
            first = self.version + 1
            for event in answer:
                self.add(request, event, moment)
            named = tuple([(self.history.stream, version) for version in range(first, self.version + 1)])
            self.receipts.append(Receipt(self.history.stream, named))
        else:
            if request.command_id:
                kept = Answer(batch.digest(request, self.decider), ())
                batch.answers[request.actor, request.command_id] = kept
            self.receipts.append(self.nothing)
        return True

    def context(self, request: Request) -> Context:
        """What the decision may look at; a story changes nothing of it, unless it goes the common way meanwhile."""
        names = self.decider.reads(self.state, request.command)
        if (found := self.read.get((request.actor, *names))) is None:
            states = {name: self.batch.look_at(name).state for name in names}
            found = self.read[request.actor, *names] = Context(self.history.stream, states, request.actor)
        return found

    def add(self, request: Request, event: Event, moment: int) -> None:
        """A fact that the request caused."""
        batch, stream, source = self.batch, self.history.stream, request.source
        self.version, self.latest = self.version + 1, moment
        tag = str(event.__struct_config__.tag)
        self.facts.append(as_fact(0, stream, self.version, tag, moment, event))
        batch.drafts.append(
            Draft(
                uuid7(batch.now), stream, self.version, tag, encode(event), moment, request.actor,
                request.on_behalf_of, "", "", request.correlation_id, request.command_id,
                source.system if source else "", source.external_id if source else "", source.batch if source else "",
            )
        )  # fmt: skip
        self.state = self.decider.evolve(self.state, event)


def is_plain(dispatcher: Dispatcher, group: Sequence[Request]) -> bool:
    """Whether a group is the whole story of one new deal, most of it without a word about a person."""
    if not group:
        return False
    stream = group[0].stream
    if kind(stream) != KIND or not len(KIND) + 1 < len(stream) <= NAME or dispatcher.history(stream).version:
        return False
    for request in group:
        command = request.command
        if request.stream != stream or not request.actor or request.reason or request.expected_version is not None:
            return False
        if request.occurred_at is None or request.occurred_at.tzinfo is None:
            return False
        if type(command) in PLAIN and personal_texts(command):
            return False
        if isinstance(command, OpenOpportunity) and command.lead:
            return False
    try:
        body = encode_canonical([[r.stream, r.actor, r.command_id, r.source, r.command] for r in group])
    except UnicodeEncodeError:
        return False
    return not (b"\\u0000" in body and NUL.search(body))
