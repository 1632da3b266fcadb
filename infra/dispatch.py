"""Carries what is asked to the streams that decide it, and appends what follows: the one way to write."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct, to_builtins
from msgspec.json import Encoder

from domain import BY_KIND, KINDS, Context, Decider, Then, correction, kind
from domain.correction import CorrectFact
from domain.errors import Conflict, KeyReused, Malformed, NotFound, PipelineError, Rejected
from domain.history import History, Mark
from domain.personal import emails, personal_texts
from domain.recorded import Happening, Request, micros
from domain.subject import KIND, PREFIX, SubjectErased, about
from infra.identifiers import uuid7
from infra.keys import Vault
from infra.requests import is_text, refuse_unstorable
from infra.store.codec import encode
from infra.store.log import DIGESTS, RESERVED, Answer, Append, Draft, Log

ATTEMPTS = 5  # decisions on one request, where other writers keep coming first
SKEW = 5 * 60 * 1_000_000  # microseconds by which the clocks of two machines may differ
HELD = 20_000  # histories kept between the batches of a bulk job
LATEST = 2**63 - 1  # a position that no log reaches
NAME = 200  # characters of a stream's name at the most

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; a backslash more, and it is six plain characters

encode_canonical = Encoder(order="deterministic").encode


class Receipt(NamedTuple):
    """What a request led to: the (stream, version) of each fact, none where all was true already.

    `position` is that of the last fact, 0 for none; `repeated` says that the command id had been answered before.
    """

    stream: str
    facts: tuple[tuple[str, int], ...]
    position: int = 0
    repeated: bool = False

    def placed(self, positions: Mapping[tuple[str, int], int]) -> "Receipt":
        """The receipt with its position, of those that an append gave."""
        return self._replace(position=max((positions.get(fact, 0) for fact in self.facts), default=0))


class Dispatcher:
    """Loads, decides, appends. Holds no rule of its own, and may be used by one thread at a time.

    `cached` keeps histories between calls: for bulk jobs. Every version that a decision saw is asserted by the
    append, so that a stale history shows as a conflict and is decided anew.
    """

    def __init__(
        self, log: Log, vault: Vault, clock: Callable[[], datetime] | None = None, cached: bool = False
    ) -> None:
        self.log, self.vault, self.cached = log, vault, cached
        self.clock = clock or (lambda: datetime.now(UTC))
        self.histories: OrderedDict[str, History] = OrderedDict()

    def execute(self, request: Request) -> Receipt:
        """Do what one request asks, or raise why not."""
        [outcome] = self.execute_all([request])
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome

    def execute_all(self, requests: Sequence[Request]) -> list[Receipt | PipelineError]:
        """Decide requests one after the other and append all that follows in one go; one refused leaves the rest.

        Raises as `execute_groups` does.
        """
        groups = self.execute_groups([[request] for request in requests])
        return [group if isinstance(group, PipelineError) else group[0] for group in groups]

    def execute_groups(self, groups: Sequence[Sequence[Request]]) -> list[list[Receipt] | PipelineError]:
        """The same for groups of requests: of each group everything happens or nothing.

        Raises Conflict where other writers came first ATTEMPTS times, Unavailable where the log cannot be reached.
        """
        for attempt in range(1, ATTEMPTS + 1):
            if not self.cached:
                self.histories.clear()
            try:
                return Batch(self, groups).run()
            except Conflict:
                self.histories.clear()
                self.vault.refresh()
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def decide_ahead(self, requests: Sequence[Request]) -> tuple[list[Receipt | PipelineError], Append]:
        """What requests lead to, and what is then to be appended, before it is: receipts without positions.

        For a job that is alone with its streams: it decides on while the append is under way, and ends where one fails.
        """
        batch = Batch(self, [[request] for request in requests])
        outcomes = [group if isinstance(group, PipelineError) else group[0] for group in batch.decide_all()]
        return outcomes, batch.prepared()

    def load(self, streams: Iterable[str]) -> None:
        """Fetch the histories of several streams at once."""
        missing = [stream for stream in dict.fromkeys(streams) if stream not in self.histories]
        if not missing:
            return
        found = self.log.facts(missing, LATEST)
        for stream in missing:
            facts = [fact._replace(event=self.vault.open(stream, fact.event)) for fact in found.get(stream, ())]
            self.histories[stream] = History(stream, BY_KIND[kind(stream)], facts)

    def trim(self, held: int = HELD) -> None:
        """Let go of the histories that were not asked for in the longest time."""
        while len(self.histories) > held:
            self.histories.popitem(last=False)

    def history(self, stream: str) -> History:
        """The history of one stream."""
        if stream not in self.histories:
            self.load([stream])
        self.histories.move_to_end(stream)
        return self.histories[stream]


class Batch:
    """Groups of requests decided together, in their order, each on what the ones before it led to."""

    def __init__(self, dispatcher: Dispatcher, groups: Sequence[Sequence[Request]]) -> None:
        self.dispatcher, self.vault, self.groups = dispatcher, dispatcher.vault, groups
        self.now = micros(dispatcher.clock())
        self.known: dict[tuple[str, str], Answer] = {}
        self.seen: dict[str, int] = {}  # the version of each stream that was looked at, as it stood in the log
        self.drafts: list[Draft] = []
        self.answers: dict[tuple[str, str], Answer] = {}
        self.tokens: list[tuple[bytes, str]] = []  # by what subjects can be looked up
        self.erase: list[str] = []

    def run(self) -> list[list[Receipt] | PipelineError]:
        """Decide, append, answer."""
        outcomes = self.decide_all()
        positions = self.append() | self.placed_before(outcomes)
        return [
            outcome if isinstance(outcome, PipelineError) else [receipt.placed(positions) for receipt in outcome]
            for outcome in outcomes
        ]

    def decide_all(self) -> list[list[Receipt] | PipelineError]:
        """What each group leads to, before anything is appended."""
        requests = [request for group in self.groups for request in group]
        clean = [request for request in requests if is_text(request.stream + request.actor + request.command_id)]
        if asked := [(r.actor, r.command_id) for r in clean if r.command_id]:
            self.known = self.dispatcher.log.answers(asked)
        self.dispatcher.load({request.stream for request in clean if kind(request.stream) in BY_KIND})
        subjects = [request.stream for request in clean if is_personal(request)]  # often its own data subject
        self.vault.load([*subjects, DIGESTS] if asked else subjects)
        outcomes = [self.attempt(group) for group in self.groups]
        self.dispatcher.trim()
        return outcomes

    def placed_before(self, outcomes: Sequence[list[Receipt] | PipelineError]) -> dict[tuple[str, int], int]:
        """The position of each (stream, version) that a repeated request was answered with."""
        receipts = [receipt for outcome in outcomes if not isinstance(outcome, PipelineError) for receipt in outcome]
        streams = {stream for receipt in receipts if receipt.repeated for stream, _ in receipt.facts}
        found = self.dispatcher.log.facts(list(streams), LATEST) if streams else {}
        return {(fact.stream, fact.version): fact.position for facts in found.values() for fact in facts}

    def prepared(self) -> Append:
        """All that is to be appended together."""
        keys, standing = self.vault.take_fresh(), self.vault.take_standing()
        written = {draft.stream for draft in self.drafts}
        reads = {stream: version for stream, version in self.seen.items() if stream not in written}
        return Append(self.drafts, reads, self.answers, keys, standing, self.tokens, self.erase)

    def append(self) -> dict[tuple[str, int], int]:
        """Append what was decided; the position of each (stream, version)."""
        prepared = self.prepared()
        if not (self.drafts or self.answers or prepared.keys or (self.dispatcher.cached and prepared.reads)):
            return {}
        try:
            appended = self.dispatcher.log.append(prepared)
        except BaseException:
            self.vault.forget(prepared.keys)
            self.dispatcher.histories.clear()  # they hold facts that the log does not
            raise
        if self.erase:
            self.vault.forget(self.erase)
            self.dispatcher.histories.clear()  # they hold what is forgotten
        return {(d.stream, d.version): p for d, p in zip(self.drafts, appended.positions, strict=True)}

    def attempt(self, group: Sequence[Request]) -> list[Receipt] | PipelineError:
        """What the requests of one group lead to, or why one is refused: then nothing of the group stays."""
        drafts, answers, touched = len(self.drafts), len(self.answers), list[tuple[History, Mark]]()
        tokens, erase = len(self.tokens), len(self.erase)
        try:
            return [self.attempt_one(request, touched) for request in group]
        except PipelineError as refusal:
            del self.drafts[drafts:], self.tokens[tokens:], self.erase[erase:]
            while len(self.answers) > answers:
                self.answers.popitem()
            for history, mark in reversed(touched):
                history.rewind(mark)
            return refusal

    def attempt_one(self, request: Request, touched: list[tuple[History, Mark]]) -> Receipt:
        """What one request leads to; notes in `touched` where each history stood before."""
        moment, decider = self.checked(request)
        if answer := self.answered(request, decider):
            return Receipt(request.stream, answer.facts, repeated=True)
        self.check_version(request)
        facts = list[tuple[str, int]]()
        for history, subject, happenings in self.decide(request, moment):
            drafts = list(self.drafted(request, history, subject, happenings))
            touched.append((history, history.mark()))
            history.add(happenings)
            self.drafts += drafts
            facts += ((draft.stream, draft.version) for draft in drafts)
        if request.command_id:
            self.answers[request.actor, request.command_id] = Answer(self.digest(request, decider), tuple(facts))
        return Receipt(request.stream, tuple(facts))

    def checked(self, request: Request) -> tuple[int, Decider]:
        """When it happened, in microseconds, and who decides; Malformed where the envelope does not hold."""
        check_texts(request)
        decider = check_name(request.stream, request.command)
        if not request.actor:
            raise Malformed("actor: say who asks")
        if request.expected_version is not None and request.expected_version < 0:
            raise Malformed(f"expected_version: {request.expected_version} is no version; 0 is that of no stream yet")
        if request.occurred_at is None:
            return self.now, decider
        if request.occurred_at.tzinfo is None:
            raise Malformed(f"occurred_at: {request.occurred_at.isoformat()} has no time zone")
        moment = micros(request.occurred_at)
        if moment > self.now + SKEW:
            raise Malformed(f"occurred_at: {request.occurred_at.isoformat()} is in the future")
        return moment, decider

    def check_version(self, request: Request) -> None:
        """Raise Conflict, naming what came first, where the stream is not as the caller has seen it."""
        if request.expected_version is None:
            return
        history, seen = self.look_at(request.stream), request.expected_version
        if history.version != seen:
            came_first = tuple(fact.tag for fact in history.facts if fact.version > seen)
            raise Conflict(request.stream, seen, history.version, came_first)

    def digest(self, request: Request, decider: Decider) -> bytes:
        """What tells a repeated request from another one under the same command id."""
        envelope = [request.stream, request.occurred_at, request.on_behalf_of, request.reason]
        body = encode_canonical([*envelope, request.command])
        if not is_personal(request):
            return self.vault.digest(body)
        subject = decider.subject(request.stream, self.dispatcher.history(request.stream).state, request.command)
        return self.vault.fingerprint(subject, body)

    def answered(self, request: Request, decider: Decider) -> Answer | None:
        """The answer that the command id had before, if any; KeyReused where it was for something else."""
        key = (request.actor, request.command_id)
        answer = self.answers.get(key) or self.known.get(key)
        if answer and answer.digest != self.digest(request, decider):
            raise KeyReused(f"command_id: {request.actor} used {request.command_id!r} before, for another request")
        return answer

    def decide(self, request: Request, moment: int) -> tuple[tuple[History, str, tuple[Happening, ...]], ...]:
        """What happens to each stream: to the one asked, and to those that must decide with it."""
        changes = list[tuple[History, str, tuple[Happening, ...]]]()
        wishes = [Then(request.stream, request.command)]
        for stream, command in wishes:  # grows while it runs: a decision may ask other streams
            if command is not request.command:  # that one was checked before
                check_name(stream, command)
            history = self.look_at(stream)
            given = None if request.occurred_at is None else moment
            correcting = isinstance(command, CorrectFact)
            then = correction.moment_of(history.facts, command, given) if correcting else moment
            decider, state = history.decider, history.state_at(then)
            wanted = correction.reads(state, command) if correcting else decider.reads(state, command)
            read = {name: self.look_at(name).state for name in wanted if kind(name) in BY_KIND}
            context = Context(stream, read, request.actor)
            if correcting:
                happenings = correction.decide(history.facts, state, command, given, context)
            else:
                answer: tuple[Any, ...] = decider.decide(state, command, context)
                happenings = tuple([Happening(event, moment) for event in answer if not isinstance(event, Then)])
                wishes += [wish for wish in answer if isinstance(wish, Then)]
            history.check(happenings)
            if happenings and decider.kind == KIND:
                self.check_subject(about(stream))
            changes.append((history, decider.subject(stream, state, command), happenings))
        return tuple(changes)

    def look_at(self, stream: str) -> History:
        """The history of a stream, whose version the append will assert."""
        history = self.dispatcher.history(stream)
        self.seen.setdefault(stream, history.version)
        return history

    def check_subject(self, name: str) -> None:
        """Raise NotFound where nobody of that name is known, or where what is said there is about somebody else."""
        if self.vault.knows(name):
            return
        history = self.dispatcher.history(name) if kind(name) in BY_KIND else None
        if history is None or not history.version:
            raise NotFound(f"{name}: nothing is known of such a person; keys are named after leads and opportunities")
        whom = history.decider.subject(name, history.state, None)
        if whom != name:
            raise NotFound(f"{name}: what is said there is about {whom}; ask for that")

    def drafted(
        self, request: Request, history: History, subject: str, happenings: tuple[Happening, ...]
    ) -> Iterable[Draft]:
        """What happens to one stream, in the request's envelope, sealed."""
        stream, source = history.stream, request.source
        if subject in RESERVED:
            raise Malformed(f"lead: {subject!r} is not the stream of a lead, such as lead-7")
        if subject in self.erase and (is_personal(request) or any(personal_texts(event) for event, _ in happenings)):
            raise Rejected(f"{subject} is erased in the same append: nothing in words can be recorded with it")
        reason = self.vault.seal_text(stream, "reason", subject, request.reason) if request.reason else ""
        for version, (event, moment) in enumerate(happenings, history.version + 1):
            self.tokens += [(token, subject) for email in emails(event) if (token := self.vault.token(email))]
            if isinstance(event, SubjectErased):
                self.erase.append(subject)
            body = encode(self.vault.seal(stream, subject, event))
            yield Draft(
                uuid7(self.now), stream, version, str(event.__struct_config__.tag), body, moment,
                request.actor, request.on_behalf_of, reason,
                request.command_id, request.correlation_id, request.causation_id,
                source.system if source else "", source.external_id if source else "", source.batch if source else "",
            )  # fmt: skip


def is_personal(request: Request) -> bool:
    """Whether a request says something about a person."""
    return bool(request.reason or personal_texts(request.command))


def check_name(stream: str, command: Struct) -> Decider:
    """Who decides; Malformed where a command is asked of a stream that is not of its kind."""
    found, kinds = BY_KIND.get(kind(stream)), KINDS[type(command)]
    if found is None or found.kind not in kinds or not len(found.kind) + 1 < len(stream) <= longest(found):
        verb = command.__struct_config__.tag
        wanted = " or ".join(f"{name}-…" for name in sorted(kinds))
        raise Malformed(f"stream: {verb} is asked of a stream named {wanted}, not of {stream!r}")
    return found


def longest(decider: Decider) -> int:
    """The characters of a stream's name at the most; a subject's holds another one."""
    return NAME + len(PREFIX) if decider.kind == KIND else NAME


def check_texts(request: Request) -> None:
    """Raise Malformed where a text of a request cannot be stored alike everywhere, whether it will be sealed or not."""
    try:
        body = encode(request)
    except UnicodeEncodeError:
        refuse_unstorable(to_builtins(request))
        raise
    if b"\\u0000" in body and NUL.search(body):
        refuse_unstorable(to_builtins(request))
