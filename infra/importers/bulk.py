"""Decides many stories of new deals at once, by the same rules as everybody's, with less around each single change.

A change that says something about a person, asks another stream or does not fit goes the common way, one by one.
Facts decided here name their change as what caused them, which is how a later import knows it; a command id of its
own, with a kept answer, only those changes have that appended nothing.
"""

from collections.abc import Sequence

from msgspec import Struct

from domain import BY_KIND, Context, Then, kind
from domain.closing import LoseOpportunity, WinOpportunity
from domain.correction import as_fact
from domain.errors import Conflict, PipelineError
from domain.history import History
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
PLAIN: frozenset[type[Struct]] = frozenset(
    (OpenOpportunity, ChangeStage, ChangeOwner, ChangeAccount, ChangeAmount, ChangeCloseDate, LoseOpportunity, WinOpportunity)
)  # fmt: skip
"""Commands that concern one deal, as a rule; what else follows from them is left to the common way."""

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
        self.dispatcher.trim()
        return outcomes

    def tell(self, group: Sequence[Request]) -> Outcome:
        """What a story leads to, where it is as plain as it seems; else the common way finds out why not."""
        drafts, answers = len(self.drafts), len(self.answers)
        history = self.look_at(group[0].stream)
        mark = history.mark()
        try:
            if (receipts := self.told(group, history)) is not None:
                return receipts
        except PipelineError:
            pass
        del self.drafts[drafts:]
        while len(self.answers) > answers:
            self.answers.popitem()
        history.rewind(mark)
        return self.attempt(group)

    def told(self, group: Sequence[Request], history: History) -> list[Receipt] | None:
        """The facts of a story, decided one on the other; None where one of its changes is not plain."""
        decider, stream, read = BY_KIND[KIND], history.stream, self.dispatcher.history
        state, version, latest, limit = history.state, history.version, history.latest, self.now + SKEW
        facts, receipts, nothing = list[Fact](), list[Receipt](), Receipt(stream, ())
        for request in group:
            command, moment = request.command, micros(request.occurred_at) if request.occurred_at else self.now
            if not latest <= moment <= limit:
                return None
            names = decider.reads(state, command)
            for name in names:
                self.look_at(name)
            context = Context(stream, {name: read(name).state for name in names}, request.actor)
            answer = decider.decide(state, command, context)
            if not answer:
                if request.command_id:
                    self.answers[request.actor, request.command_id] = Answer(self.digest(request, decider), ())
                receipts.append(nothing)
                continue
            if any(isinstance(event, Then) for event in answer):
                return None
            named, source = list[tuple[str, int]](), request.source
            for event in answer:
                version, latest = version + 1, moment
                tag = str(event.__struct_config__.tag)
                named.append((stream, version))
                facts.append(as_fact(0, stream, version, tag, moment, event))
                self.drafts.append(
                    Draft(
                        uuid7(self.now),
                        stream,
                        version,
                        tag,
                        encode(event),
                        moment,
                        request.actor,
                        request.on_behalf_of,
                        "",
                        "",
                        request.correlation_id,
                        request.command_id,
                        source.system if source else "",
                        source.external_id if source else "",
                        source.batch if source else "",
                    )
                )
                state = decider.evolve(state, event)
            receipts.append(Receipt(stream, tuple(named)))
        history.facts += facts
        history.version, history.state, history.latest = version, state, latest
        return receipts


def is_plain(dispatcher: Dispatcher, group: Sequence[Request]) -> bool:
    """Whether a group is the whole story of one new deal, in effective order, without a word about a person."""
    if not group:
        return False
    stream = group[0].stream
    if kind(stream) != KIND or not len(KIND) + 1 < len(stream) <= NAME or dispatcher.history(stream).version:
        return False
    for request in group:
        command = request.command
        if request.stream != stream or type(command) not in PLAIN or not request.actor or request.reason:
            return False
        if request.occurred_at is None or request.occurred_at.tzinfo is None or request.expected_version is not None:
            return False
        if personal_texts(command) or (isinstance(command, OpenOpportunity) and command.lead):
            return False
    try:
        body = encode_canonical([[r.stream, r.actor, r.command_id, r.source, r.command] for r in group])
    except UnicodeEncodeError:
        return False
    return not (b"\\u0000" in body and NUL.search(body))
