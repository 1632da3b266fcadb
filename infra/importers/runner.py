"""Carries an export's records to the log in bulk: what is new is appended, what cannot be goes to a rejects file."""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, groupby, repeat
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain import Command, kind
from domain.correction import CorrectFact
from domain.errors import PipelineError, Rejected
from domain.history import History
from domain.lead import CaptureLead, ConvertLead
from domain.lead.profile import AssignLead, EnrichLead
from domain.opportunity import OpenOpportunity
from domain.opportunity.terms import ChangeAccount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from domain.recorded import Recorded, Request, Source, micros
from infra.application.dispatch import Dispatcher
from infra.importers.batches import BATCH, newest
from infra.importers.closings import REOPENED, held_back, too_late
from infra.importers.entries import (
    Change,
    Entry,
    Export,
    Story,
    chunks,
    is_of_several,
    streams_of,
    tells_how_it_stands,
    unreadable,
)
from infra.importers.leads import LeadRecord, lead_commands
from infra.importers.links import (
    check_claim,
    completed_opening,
    conversion,
    opened_by_a_lead,
    without_forgotten_name,
)
from infra.importers.mending import mendings
from infra.importers.outcomes import Plan, Refusal, Summary
from infra.importers.records import (
    Record,
    Timed,
    check_ending,
    commands,
    denied_opening,
    opened_at,
    terms_after_the_end,
)
from infra.importers.rejects import RejectsFile
from infra.importers.times import by_now
from infra.store.log import ERASED

NAMED = 32  # digits of a digest that tell a row or a change from every other one
KEPT = 500  # histories kept between two chunks, the stages among them
FIRST = 10  # rejects kept in memory, to be shown
DESCRIPTIVE = (ChangeOwner, ChangeAccount, ChangeCloseDate, RenameOpportunity, EnrichLead, AssignLead)
"""What only describes a deal or lead: where it has ended, there is nothing to be done about it."""


class Import:
    """One run of one export. The same rows again append nothing; a newer export appends what changed.

    `history` says that it brings what happened before the log was kept; the first import of a system does.
    `first_rejects` are the first `kept` of what was rejected or left out; without a `rejects` file, the only trace.
    That has the rows whole where they are `whole`, else without what may be personal. What a mended mapping changes of
    rows that are in already is corrected where `correct` says so; `first_mendings` says of the first ones what it is.
    """

    def __init__(
        self, dispatcher: Dispatcher, export: Export, actor: str, rejects: Path | None, history: bool = False,
        whole: bool = False, correct: bool = False, kept: int = FIRST,
    ) -> None:  # fmt: skip
        self.dispatcher, self.export, self.actor, self.path = dispatcher, export, actor, rejects
        self.batch = "-".join(filter(None, (export.snapshot.isoformat(), export.batch, export.meaning)))
        self.listed, self.correct, self.is_mended = None if whole else export.listed, correct, False
        self.summary, self.converted = Summary(history=history), dict[str, str]()
        self.kept, self.first_rejects = kept, list[tuple[Entry, PipelineError]]()
        self.first_mendings: list[tuple[Entry, str]] = []

    def run(self, advance: Callable[[int], None]) -> Summary:
        """Go through the export; `advance` is told how many rows are done. Writes the rejects file, if need be."""
        self.dispatcher.vault.require()
        earlier = [BATCH.fullmatch(batch) for batch in self.dispatcher.log.batches(self.export.system)]
        files = [(found[2], found[3] or "") for found in earlier if found]
        self.summary.history = self.summary.history or all(file == self.export.batch for file, _ in files)
        self.is_mended = any(file == self.export.batch and way != self.export.meaning for file, way in files)
        now = self.dispatcher.clock()
        prelude = [
            replace(request, occurred_at=by_now(request.occurred_at, now), source=self.source("stages"))
            for request in self.export.prelude
        ]
        for outcome in self.dispatcher.execute_all(prelude):
            if isinstance(outcome, PipelineError):
                raise outcome
            self.summary.facts += len(outcome.facts)
        with RejectsFile(self.path, self.listed) as rejects:
            for chunk in chunks(self.export.entries):
                for refusal in self.carry(chunk):
                    self.refuse(refusal, rejects)
                rows = sum(entry.rows for entry in chunk)
                self.summary.rows += rows
                advance(rows)
        return self.summary

    def source(self, external_id: str) -> Source:
        """Where a fact of this import comes from."""
        return Source(self.export.system, external_id, self.batch, self.summary.history)

    def refuse(self, refusal: Refusal, rejects: RejectsFile) -> None:
        """Count and list what was not done."""
        entry, reason, left_out = refusal
        if left_out:
            self.summary.left_out += entry.rows
        else:
            self.summary.rejected += entry.rows
        reason = Rejected(f"left out: {reason}") if left_out else reason
        if len(self.first_rejects) < self.kept:
            self.first_rejects.append((entry, reason))
        rejects.write(entry.file, entry.line, entry.external_id, str(reason), entry.cells)

    def without_erased(self, refused: list[Refusal]) -> list[Refusal]:
        """The refusals in the order of the file; of a person who was erased nothing that the row says."""
        about = dict[str, str]()
        for stream in {refusal.entry.stream for refusal in refused}:
            if kind(stream) in ("lead", "opportunity") and stream.isprintable():
                history = self.dispatcher.history(stream)
                about[stream] = history.decider.subject(stream, history.state, None)
        keys = self.dispatcher.vault.stored([*set(about.values())]) if about else {}
        erased = {stream for stream, subject in about.items() if keys.get(subject) == ERASED}
        return [
            refusal._replace(entry=refusal.entry._replace(cells={})) if refusal.entry.stream in erased else refusal
            for refusal in sorted(refused, key=lambda each: each.entry.line)
        ]

    def carry(self, chunk: list[Entry]) -> list[Refusal]:
        """Append what a chunk of entries asks for; what could not be, or was not to be, with the reason."""
        unread = [(entry, unreadable(entry)) for entry in chunk]
        refused = [Refusal(entry, reason) for entry, reason in unread if reason]
        entries = [entry for entry, reason in unread if reason is None]
        self.dispatcher.histories.load(stream for entry in chunk for stream in streams_of(entry))
        self.dispatcher.vault.load(entry.stream for entry in entries if kind(entry.stream) == "lead")
        named, plans = list[tuple[Entry, list[str]]](), list[Plan]()
        for entry in entries:
            try:
                named.append((entry, self.names(entry)))
            except PipelineError as reason:
                refused.append(Refusal(entry, reason))
        known = self.known(named)
        exports = self.exported(
            entry for entry, names in named if tells_how_it_stands(entry.says) and not known.issuperset(names)
        )
        recorded = self.dispatcher.log.histories([entry.stream for entry, _ in named]) if self.is_mended else {}
        for entry, names in named:
            try:
                plan = self.plan(entry, names, known, exports.get(entry.stream))
                plans.append(self.mend(plan, recorded.get(entry.stream, ())))
            except PipelineError as reason:
                refused.append(Refusal(entry, reason))
        outcomes = self.dispatcher.execute_groups([plan.requests for plan in plans])
        for plan, outcome in zip(plans, outcomes, strict=True):
            refused += self.count(plan, *self.outcome_of(plan, outcome))
        listed = self.without_erased(refused)
        self.dispatcher.histories.trim(KEPT)  # what was told of is seldom told of again
        return listed

    def count(self, plan: Plan, facts: int, refused: list[Refusal]) -> list[Refusal]:
        """Count the rows of an entry that came in, or had; give those back of which nothing was done."""
        entry, everything = plan.entry, [*plan.refused, *refused]
        by_row = {each.entry[:2]: each for each in reversed(everything) if each.entry is not entry}  # the first of each
        apart, rows = [*reversed(by_row.values())], max(0, entry.rows - len(by_row))
        if whole := next((each for each in everything if each.entry is entry), None):
            first, *others = apart or [whole]
            rows += first.entry.rows if apart else 0
            return [first._replace(entry=first.entry._replace(rows=rows)), *others]
        self.summary.facts += facts
        if facts:
            self.summary.imported += rows
        else:
            self.summary.unchanged += rows
        return apart

    def outcome_of(self, plan: Plan, outcome: Sequence[object] | PipelineError) -> tuple[int, list[Refusal]]:
        """How many facts an entry led to, and what was refused: each row by itself, where its rows are apart."""
        if not isinstance(outcome, PipelineError):
            return sum(len(receipt.facts) for receipt in outcome), []  # type: ignore[attr-defined]
        pairs = groupby(zip(plan.rows, plan.requests, strict=True), lambda pair: pair[0] and pair[0].line)
        apart = [(found[0][0], [request for _, request in found]) for _, group in pairs if (found := list(group))]
        if len(apart) < 2 or None in plan.rows:
            return 0, [Refusal(plan.entry, outcome)]
        begun = bool(self.dispatcher.history(plan.entry.stream).version)
        outcomes = self.dispatcher.execute_groups([requests for _, requests in apart])
        if not begun and isinstance(outcomes[0], PipelineError):
            return 0, [Refusal(plan.entry, outcomes[0])]
        facts, refused = 0, list[Refusal]()
        for (row, requests), each in zip(apart, outcomes, strict=True):
            if isinstance(each, PipelineError):
                assert row is not None
                only = isinstance(each, Rejected) and all(isinstance(r.command, DESCRIPTIVE) for r in requests)
                refused.append(Refusal(plan.entry.of(row), each, left_out=only))
            else:
                facts += sum(len(receipt.facts) for receipt in each)
        return facts, refused

    def known(self, named: list[tuple[Entry, list[str]]]) -> set[str]:
        """The names that were imported before; of a stream that is not there yet, none was."""
        names = [
            (self.actor, name)
            for entry, told in named
            if self.dispatcher.history(entry.stream).version or is_of_several(entry)
            for name in told
        ]
        return {name for _, name in self.dispatcher.log.answers(names)}

    def exported(self, entries: Iterator[Entry]) -> dict[str, date]:
        """The day of the last export that told of each stream, which a lead's conversion does not do of its deal."""
        there = [entry.stream for entry in entries if self.dispatcher.history(entry.stream).version]
        found = dict[str, date]()
        for stream, facts in self.dispatcher.log.histories(there).items() if there else ():
            by_lead = kind(stream) == "opportunity" and opened_by_a_lead(self.dispatcher.history(stream))
            if day := newest(facts[1:] if by_lead else facts, self.export.system):
                found[stream] = day
        return found

    def plan(self, entry: Entry, names: list[str], known: Container[str], exported: date | None) -> Plan:
        """What to ask so that the log says what the entry says; each request that is repeatable under its name."""
        refused = list[Refusal]()
        if isinstance(entry.says, Story) and entry.says.is_current and exported and exported > self.export.snapshot:
            refused = [Refusal(entry._replace(), self.older(exported), left_out=True)]
            changes = []
        elif isinstance(entry.says, Story):
            refused = [Refusal(entry.of(row), reason) for row, reason in entry.says.refused]
            told = list(zip(entry.says.changes, names, strict=True))
            changes, held = held_back(told, self.before(entry.stream, told[0][0].occurred_at) if told else None)
            refused += [Refusal(entry.of(change.row), *too_late(change)) for change in held if change.row]
            changes = [(change, name) for change, name in changes if name.removesuffix(REOPENED) not in known]
        elif names[0] in known:
            changes = []
        else:
            asked, aside = self.record_commands(entry, self.dispatcher.history(entry.stream), exported)
            refused = [Refusal(entry._replace(), Rejected(aside), left_out=True)] if aside else []
            changes = [
                (Change(at, command), n) for (command, at), n in zip(asked, chain(names, repeat("")), strict=False)
            ]
        changes = [each for change, name in changes for each in self.linked(entry, change, name)]
        source, now = self.source(entry.external_id), self.dispatcher.clock()
        requests = [
            Request(
                stream=change.stream or entry.stream, command=change.command, actor=self.actor,
                occurred_at=by_now(change.occurred_at, now), source=source, command_id=name,
            )
            for change, name in changes
        ]  # fmt: skip
        return Plan(entry, requests, [change.row for change, _ in changes], refused)

    def record_commands(self, entry: Entry, history: History, exported: date | None) -> tuple[Sequence[Timed], str]:
        """What a record asks for, with when it happened, and what it says besides that is left out.

        `exported` is the day of the last export that told of it. Rejected where that one was newer and said otherwise.
        """
        says, aside = entry.says, ""
        earlier = exported if exported and exported < self.export.snapshot else None
        since = datetime.combine(earlier, time(), UTC) + timedelta(days=1) if earlier else None
        if isinstance(says, LeadRecord):
            asked = lead_commands(says.since(since), history.state)
        else:
            assert isinstance(says, Record)
            asked = commands(says, history, since)
            if not self.is_mended:
                check_ending(says, history)
            aside = "; ".join(filter(None, (terms_after_the_end(says, history), denied_opening(says, history))))
        if exported and exported > self.export.snapshot and not all(isinstance(ask, CorrectFact) for ask, _ in asked):
            raise self.older(exported)
        return asked, aside

    def older(self, exported: date) -> Rejected:
        """Why a record of this export changes nothing where a newer one told of the same."""
        return Rejected(
            f"an export of {exported} told of it, and this one is of {self.export.snapshot} (snapshot_date)"
        )

    def mend(self, plan: Plan, recorded: Sequence[Recorded]) -> Plan:
        """The plan, and what a mended mapping makes of the entry's rows that are in already, if that is asked for."""
        entry, says = plan.entry, plan.entry.says
        ours = [fact for fact in recorded if fact.source and self.is_of(entry, fact.source)]
        if not ours or (plan.requests and not isinstance(says, Story)):
            return plan

        def desired(history: History) -> Sequence[tuple[Command, datetime]]:
            if isinstance(says, Record):
                return commands(says, history)
            if isinstance(says, LeadRecord):
                return lead_commands(says, history.state)
            assert isinstance(says, Story)
            told = [(change, "") for change in says.changes if not change.stream]
            return [
                (change.command, change.occurred_at)
                for change, _ in held_back(told, self.before(entry.stream, told[0][0].occurred_at) if told else None)[0]
            ]

        history = self.dispatcher.history(entry.stream)
        found = mendings(history, ours, desired, lambda stream: self.dispatcher.history(stream).state)
        self.summary.mended += entry.rows if found else 0
        self.first_mendings += [(entry, each.change) for each in found][: FIRST - len(self.first_mendings)]
        if not self.correct:
            return plan
        source = self.source(entry.external_id)
        corrections = [
            Request(stream=entry.stream, command=each.command, actor=self.actor, occurred_at=each.at, source=source)
            for each in found
        ]
        return plan._replace(requests=[*corrections, *plan.requests], rows=[None] * len(corrections) + plan.rows)

    def is_of(self, entry: Entry, source: Source) -> bool:
        """Whether a fact came from the rows of an entry: of a story any import brought it, else one of this file."""
        batch = BATCH.fullmatch(source.batch)
        same_file = isinstance(entry.says, Story) or (batch and batch[2] == self.export.batch)
        return bool(same_file) and (source.system, source.external_id) == (self.export.system, entry.external_id)

    def linked(self, entry: Entry, change: Change, name: str) -> Iterator[tuple[Change, str]]:
        """A change as it is; the opening or the conversion of a deal that is there already, as what links both."""
        history = self.dispatcher.history(change.stream or entry.stream)
        command = without_forgotten_name(history, change.command, self.dispatcher.vault)
        if command is None:
            return
        change = change._replace(command=command)
        if isinstance(command, OpenOpportunity) and opened_by_a_lead(history):
            correction = completed_opening(history, command)
            if correction:
                yield change._replace(command=correction), name
            return
        if isinstance(command, ConvertLead):
            check_claim(self.converted, entry.stream, command)
        if isinstance(command, ConvertLead) and (history := self.dispatcher.history(command.opportunity)).version:
            source, profile = self.lead_of(entry)
            correction, command = conversion(history, entry.stream, source, profile, command)
            if correction:
                yield Change(opened_at(history), correction, command.opportunity, row=change.row), ""
            change = change._replace(command=command)
        yield change, name

    def before(self, stream: str, moment: datetime) -> object:
        """What a deal was just before an instant, None where it was not there."""
        history = self.dispatcher.history(stream)
        return history.state_at(micros(moment) - 1) if history.version else None

    def lead_of(self, entry: Entry) -> tuple[str, tuple[str, str]]:
        """The source of a lead, and its company and owner, as the log or else the export has them."""
        state, says = self.dispatcher.history(entry.stream).state, entry.says
        captured = says.changes[0].command if isinstance(says, Story) and says.changes else says
        new = (captured.company, captured.owner) if isinstance(captured, CaptureLead | LeadRecord) else ("", "")
        if state is not None:
            profile = state.lead.profile
            return state.lead.captured.source, (new[0] or profile.company, new[1] or profile.owner)
        return (captured.source if isinstance(captured, CaptureLead | LeadRecord) else ""), new

    def names(self, entry: Entry) -> list[str]:
        """What tells that this was imported before: system, id, and a digest of the row, or of each change."""
        match entry.says:
            case Story(changes):
                told = [change.change_key.encode() or msgspec.json.encode(change[:3]) for change in changes]
            case Record() | LeadRecord():
                told = [msgspec.json.encode(sorted(entry.cells.items()))]
            case _:
                told = []
        told = [*numbered(told)]
        start = f"{self.export.system}:{entry.external_id}:"
        if kind(entry.stream) == "lead":  # of a person: nobody may try guesses on the digest
            return [start + self.dispatcher.vault.fingerprint(entry.stream, text).hex()[:NAMED] for text in told]
        return [start + self.dispatcher.vault.digest(text).hex()[:NAMED] for text in told]


def numbered(told: Sequence[bytes]) -> Iterator[bytes]:
    """Texts, each told apart from those before it that are alike: what happens twice in one instant happens twice."""
    times = Counter[bytes]()
    for text in told:
        times[text] += 1
        yield text if times[text] == 1 else b"%b %d" % (text, times[text])
