"""Decides requests together, each on what the ones before it led to, and appends what follows."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.json import Encoder

from domain import BY_KIND, Context, Decider, FollowUpCommand, kind
from domain.decider import NewEvent
from domain.errors import Conflict, KeyReused, Malformed, NotFound, PipelineError, Rejected
from domain.history import History, Mark
from domain.personal import emails, names, personal_texts
from domain.recorded import Request, micros
from domain.reference.subject import KIND, SubjectErased, about
from infra.application.histories import LATEST, Histories
from infra.application.moments import FIRST
from infra.application.namesakes import with_warnings
from infra.application.receipts import Outcome, Receipt
from infra.application.requests import check_name, check_texts, is_personal, is_text
from infra.identifiers import uuid7
from infra.store.codec import HISTORY, encode
from infra.store.log import DIGESTS, MASTER, RESERVED, Answer, Append, Appended, Draft
from infra.store.writing import refuse_oversized

OLDEST = micros(datetime(FIRST, 1, 1, tzinfo=UTC))  # what is before it, nobody can ask about
DAY = 24 * 3600 * 1_000_000  # microseconds
QUARTER_HOUR = 900 * 1_000_000  # microseconds: days end on one, in every zone
SKEW = 5 * 60 * 1_000_000  # microseconds by which the clocks of two machines may differ

encode_canonical = Encoder(order="deterministic").encode


@dataclass
class Part:
    """What one group of requests adds to an append, and what that rests on.

    streams: those that were looked at. subjects: whose keys were used. addressed: leads that were given an e-mail
    address, with what that is looked up by. answers: names in the batch's answers, repeats:
    those of others before it.
    """

    drafts: list[Draft] = field(default_factory=list[Draft])
    streams: set[str] = field(default_factory=set[str])
    subjects: set[str] = field(default_factory=set[str])
    answers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    repeats: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    addressed: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    tokens: list[tuple[bytes, str]] = field(default_factory=list[tuple[bytes, str]])
    erase: list[str] = field(default_factory=list[str])


class Batch:
    """Groups of requests decided together, in their order, each on what the ones before it led to."""

    def __init__(self, histories: Histories, now: int, groups: Sequence[Sequence[Request]]) -> None:
        """`now` in microseconds, of a request that does not say when."""
        self.histories, self.log, self.vault = histories, histories.log, histories.vault
        self.now, self.groups = now, groups
        self.known: dict[tuple[str, str], Answer] = {}
        self.seen: dict[str, int] = {}  # the version of each stream that was looked at, as it stood in the log
        self.answers: dict[tuple[str, str], Answer] = {}
        self.marks: dict[str, tuple[History, Mark]] = {}  # where each history stood before the batch
        self.part = Part()  # of the group that is being decided
        self.parts: list[Part] = []
        self.erased: set[str] = set()  # who is forgotten
        self.keys: dict[str, bytes] = {}
        self.standing: dict[str, bytes | None] = {}

    def run(self) -> tuple[list[Outcome], dict[int, Conflict]]:
        """Decide, append, answer: what became of each group, and those, by place, whose streams moved meanwhile."""
        outcomes = self.decide_all()
        moved = dict[int, Conflict]()
        whole, positions = self.append_of(self.parts), dict[tuple[str, int], int]()
        if self.is_needed(whole):
            try:
                appended = self.log.append(whole)
                positions = placed(whole, appended)
            except Conflict as conflict:
                positions, moved = self.append_apart(conflict)
            except BaseException:
                self.vault.forget(self.keys)
                self.histories.clear()  # they hold facts that the log does not
                raise
        self.forget_erased(moved)
        for index, conflict in moved.items():
            outcomes[index] = conflict
        outcomes = self.receipts(outcomes, positions)
        if not self.histories.cached:
            outcomes = with_warnings(self.histories, [part.addressed for part in self.parts], outcomes)
        return outcomes, moved

    def append_apart(self, conflict: Conflict) -> tuple[dict[tuple[str, int], int], dict[int, Conflict]]:
        """Append what does not rest on one another by itself, after a conflict about some of it."""
        apart = independent(self.parts, self.keys)
        moved = dict[int, Conflict]()
        if len(apart) == 1:
            moved = dict.fromkeys(apart[0], conflict)
        appends = [self.append_of([self.parts[index] for index in indexes]) for indexes in apart if not moved]
        needed = [(append, indexes) for append, indexes in zip(appends, apart, strict=False) if self.is_needed(append)]
        positions = dict[tuple[str, int], int]()
        try:
            outcomes = self.log.append_all([append for append, _ in needed])
        except BaseException:
            self.vault.forget(self.keys)
            self.histories.clear()
            raise
        for (append, indexes), outcome in zip(needed, outcomes, strict=True):
            if isinstance(outcome, Conflict):
                moved |= dict.fromkeys(indexes, outcome)
            else:
                positions |= placed(append, outcome)
        for index in moved:
            part = self.parts[index]
            self.vault.forget(part.subjects & self.keys.keys())
            for stream in part.streams:
                if self.histories.cached:
                    self.histories.discard(stream)
                elif stream in self.marks:
                    history, mark = self.marks.pop(stream)
                    history.rewind(mark)
        self.vault.refresh()
        return positions, moved

    def is_needed(self, append: Append) -> bool:
        """Whether there is anything to store, or to make sure of."""
        return bool(append.drafts or append.answers or append.keys or (self.histories.cached and append.reads))

    def decide_all(self) -> list[Outcome]:
        """What each group leads to, before anything is appended."""
        requests = [request for group in self.groups for request in group]
        clean = [request for request in requests if is_text(request.stream + request.actor + request.command_id)]
        if asked := [(r.actor, r.command_id) for r in clean if r.command_id]:
            self.known = self.log.answers(asked)
        self.histories.load({request.stream for request in clean if kind(request.stream) in BY_KIND})
        subjects = [request.stream for request in clean if is_personal(request)]  # often its own data subject
        self.vault.load([*subjects, DIGESTS] if asked else subjects)
        outcomes = [self.attempt(group) for group in self.groups]
        self.keys, self.standing = self.vault.take_fresh(), self.vault.take_standing()
        self.vault.forget(self.keys.keys() - {subject for part in self.parts for subject in part.subjects})
        self.histories.trim()
        return outcomes

    def append_of(self, parts: Sequence["Part"]) -> Append:
        """All that some parts append together."""
        drafts = [draft for part in parts for draft in part.drafts]
        written = {draft.stream for draft in drafts}
        read = {stream for part in parts for stream in part.streams} - written
        subjects = {subject for part in parts for subject in part.subjects}
        keys = {subject: wrapped for subject, wrapped in self.keys.items() if subject in subjects}
        resting = subjects | ({MASTER} if keys else set[str]())  # new keys are wrapped under the master key in use
        return Append(
            drafts,
            {stream: version for stream, version in self.seen.items() if stream in read},
            {name: self.answers[name] for part in parts for name in part.answers},
            keys,
            {subject: stored for subject, stored in self.standing.items() if subject in resting},
            [token for part in parts for token in part.tokens],
            [subject for part in parts for subject in part.erase],
        )

    def receipts(self, outcomes: Sequence[Outcome], positions: Mapping[tuple[str, int], int]) -> list[Outcome]:
        """The outcomes, each receipt with the position of its last fact and the types of all of them."""
        facts = {(draft.stream, draft.version): draft.tag for part in self.parts for draft in part.drafts}
        receipts = [receipt for outcome in outcomes if not isinstance(outcome, PipelineError) for receipt in outcome]
        before = [fact for receipt in receipts if receipt.repeated for fact in receipt.facts if fact not in positions]
        if before:
            loaded = self.log.facts(list({stream for stream, _ in before}), LATEST)
            known = [fact for history in loaded.values() for fact in history]
            positions = {(fact.stream, fact.version): fact.position for fact in known} | dict(positions)
            facts |= {(fact.stream, fact.version): fact.tag for fact in known}
        return [
            outcome if isinstance(outcome, PipelineError) else [each.completed(positions, facts) for each in outcome]
            for outcome in outcomes
        ]

    def forget_erased(self, moved: Container[int]) -> None:
        """Let go of the keys and histories of those who were forgotten."""
        if erased := [s for index, part in enumerate(self.parts) if index not in moved for s in part.erase]:
            self.vault.erase(erased)
            self.histories.clear()

    def attempt(self, group: Sequence[Request]) -> Outcome:
        """What the requests of one group lead to, or why one is refused: then nothing of the group stays."""
        self.part, touched, self.vault.used = Part(), list[tuple[History, Mark]](), set()
        self.parts.append(self.part)
        try:
            receipts = [self.attempt_one(request, touched) for request in group]
            self.part.subjects |= self.vault.used
            return receipts
        except PipelineError as refusal:
            for name in self.part.answers:
                del self.answers[name]
            for history, mark in reversed(touched):
                history.rewind(mark)
            self.erased -= {*self.part.erase}
            self.parts[-1] = Part(streams=self.part.streams)  # which the refusal rests on
            return refusal

    def attempt_one(self, request: Request, touched: list[tuple[History, Mark]]) -> Receipt:
        """What one request leads to; notes in `touched` where each history stood before."""
        moment, decider = self.checked(request)
        if answer := self.answered(request, decider):
            return Receipt(request.stream, answer.facts, repeated=True)
        self.check_version(request)
        facts = list[tuple[str, int]]()
        for history, subject, events in self.decide(request, moment):
            drafts = list(self.drafted(request, history, subject, events))
            touched.append((history, history.mark()))
            self.marks.setdefault(history.stream, touched[-1])
            history.add(events)
            self.part.drafts += drafts
            facts += ((draft.stream, draft.version) for draft in drafts)
        if request.command_id:
            name = request.actor, request.command_id
            self.answers[name] = Answer(self.digest(request, decider), tuple(facts))
            self.part.answers.append(name)
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
        if self.now < moment <= self.now + DAY and (moment + 1) % QUARTER_HOUR == 0:
            return self.now, decider  # the end of a day that goes on: it happened by now
        if moment > self.now + SKEW:
            raise Malformed(f"occurred_at: {request.occurred_at.isoformat()} is in the future")
        if moment < OLDEST:
            raise Malformed(f"occurred_at: {request.occurred_at.isoformat()} is before the year {FIRST} in UTC")
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
        subject = decider.subject(request.stream, self.histories[request.stream].state, request.command)
        return self.vault.fingerprint(subject, body)

    def answered(self, request: Request, decider: Decider) -> Answer | None:
        """The answer that the command id had before, if any; KeyReused where it was for something else."""
        key = (request.actor, request.command_id)
        answer = self.answers.get(key) or self.known.get(key)
        if key in self.answers:
            self.part.repeats.append(key)
        if answer and answer.digest != self.digest(request, decider):
            raise KeyReused(f"command_id: {request.actor} used {request.command_id!r} before, for another request")
        return answer

    def decide(self, request: Request, moment: int) -> tuple[tuple[History, str, tuple[NewEvent, ...]], ...]:
        """What happens to each stream: to the one asked, and to those that must decide with it."""
        changes = list[tuple[History, str, tuple[NewEvent, ...]]]()
        given = None if request.occurred_at is None else moment
        commands = [FollowUpCommand(request.stream, request.command)]
        for stream, command, at_once in commands:  # grows while it runs: a decision may ask other streams
            if command is not request.command:  # that one was checked before
                check_name(stream, command)
            history = self.look_at(stream)
            dated = given if at_once is None else at_once
            at = history.moment_of(command, dated, moment)
            state = history.state_at(at)
            wanted = history.reads(command, state)
            read = {name: self.look_at(name).state for name in wanted if kind(name) in BY_KIND}
            answer = history.decide(command, state, dated, at, Context(stream, read, request.actor))
            events = tuple([each for each in answer if isinstance(each, NewEvent)])
            commands += [each for each in answer if isinstance(each, FollowUpCommand)]
            history.check(events)
            if events and history.decider.kind == KIND:
                self.check_subject(about(stream))
            changes.append((history, history.decider.subject(stream, state, command), events))
        return tuple(changes)

    def look_at(self, stream: str) -> History:
        """The history of a stream, whose version the append will assert."""
        history = self.histories[stream]
        self.seen.setdefault(stream, history.version)
        self.part.streams.add(stream)
        return history

    def check_subject(self, name: str) -> None:
        """Raise NotFound where nobody of that name is known, or where what is said there is about somebody else."""
        if self.vault.knows(name):
            return
        history = self.histories[name] if kind(name) in BY_KIND else None
        if history is None or not history.version:
            raise NotFound(f"{name}: nothing is known of such a person; keys are named after leads and opportunities")
        whom = history.decider.subject(name, history.state, None)
        if whom != name:
            raise NotFound(f"{name}: what is said there is about {whom}; ask for that")

    def drafted(
        self, request: Request, history: History, subject: str, events: tuple[NewEvent, ...]
    ) -> Iterable[Draft]:
        """What happens to one stream, in the request's envelope, sealed."""
        stream, source = history.stream, request.source
        if subject in RESERVED:
            raise Malformed(f"lead: {subject!r} is not the stream of a lead, such as lead-7")
        if subject in self.erased and (is_personal(request) or any(personal_texts(event) for event, _ in events)):
            raise Rejected(f"{subject} is erased in the same append: nothing in words can be recorded with it")
        reason = self.vault.seal_text(stream, "reason", subject, request.reason) if request.reason else ""
        for version, (event, moment) in enumerate(events, history.version + 1):
            tokens = [token for email in emails(event) if (token := self.vault.token(email))]
            self.part.tokens += [(token, subject) for token in tokens]
            self.part.addressed += [(stream, token) for token in tokens]
            for name in names(event):
                self.part.tokens += [(token, subject) for token in self.vault.word_tokens(name)]
            if isinstance(event, SubjectErased):
                self.part.erase.append(subject)
                self.erased.add(subject)
            body = encode(self.vault.seal(stream, subject, event))
            draft = Draft(
                uuid7(self.now), stream, version, str(event.__struct_config__.tag), body, moment,
                request.actor, request.on_behalf_of, reason,
                request.command_id, request.correlation_id, request.causation_id,
                source.system if source else "", source.external_id if source else "", source.batch if source else "",
                HISTORY if source and source.history else "",
            )  # fmt: skip
            refuse_oversized(draft)
            yield draft


def placed(append: Append, appended: Appended) -> dict[tuple[str, int], int]:
    """The position of each (stream, version) that was appended."""
    return {(d.stream, d.version): p for d, p in zip(append.drafts, appended.positions, strict=True)}


def independent(parts: Sequence[Part], fresh: Container[str]) -> list[list[int]]:
    """The places of parts in sets that do not rest on one another, in the order of their first ones.

    A part rests on another where it looked at a stream that the other writes, or uses a key that the other made or
    destroys, or repeats its request.
    """
    written = {draft.stream for part in parts for draft in part.drafts}
    changed = {subject for part in parts for subject in part.erase}
    roots, first = list(range(len(parts))), dict[Any, int]()

    def root(index: int) -> int:
        while roots[index] != index:
            roots[index] = index = roots[roots[index]]
        return index

    for index, part in enumerate(parts):
        subjects = (subject for subject in part.subjects if subject in fresh or subject in changed)
        for shared in (*(part.streams & written), *subjects, *part.answers, *part.repeats):
            one, other = sorted((root(first.setdefault(shared, index)), root(index)))
            roots[other] = one
    sets: dict[int, list[int]] = {}
    for index in range(len(parts)):
        sets.setdefault(root(index), []).append(index)
    return list(sets.values())
