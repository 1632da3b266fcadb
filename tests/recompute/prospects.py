"""Numbers about leads: how soon they were answered, how far they got, and what came of each source."""

from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.recompute.asking import Asked, Recomputed, Record, root_of
from tests.recompute.conversions import generated, has_periods
from tests.recompute.fold import Lead
from tests.recompute.planning import closed

MINUTE = 60_000_000


def is_asked(asked: Asked, anything: bool) -> bool:
    """Whether there is a row: of something, of a period where others have some, or of everybody."""
    return anything or () in asked.also or not (asked.group or has_periods(asked))


def captured(asked: Asked) -> list[Lead]:
    """The leads captured in the period as they stand, with the capture of the first that was merged."""
    return [
        lead._replace(captured_at=steps[0].at, source=steps[0].source)
        for steps, lead in asked.leads()
        if asked.wants_lead(steps)
    ]


def lead_response(asked: Asked) -> Iterator[Record]:
    """(captured, contacted, not contacted, median and p90 in minutes, judged by a time, in it, and the share)"""
    leads = captured(asked)
    if not is_asked(asked, bool(leads)):
        return
    waits = [waiting(asked, lead) for lead in leads]
    contacted = sum(over for _, over in waits)
    within = asked.question.within
    shares: tuple[float | int | None, ...] = (None, None, None)
    if within is not None:
        old = [lead for lead in leads if asked.moment - lead.captured_at >= within]
        soon = [lead for lead in old if lead.contacted_at and lead.contacted_at - lead.captured_at <= within]
        shares = len(old), len(soon), len(soon) / len(old) if old else None
    yield len(leads), contacted, len(leads) - contacted, *(by_when(waits, Fraction(n, 10)) for n in (5, 9)), *shares


def waiting(asked: Asked, lead: Lead) -> tuple[int, bool]:
    """(whole minutes, whether somebody spoke to it) of a lead."""
    if lead.contacted_at:
        return (lead.contacted_at - lead.captured_at) // MINUTE, True
    until = lead.since if lead.status in ("disqualified", "converted") else asked.moment
    return (until - lead.captured_at) // MINUTE, False


def by_when(waits: list[tuple[int, bool]], share: Fraction) -> int | None:
    """The first time at which no more than the rest of a share still waits, those unanswered known to wait longer."""
    rest = Fraction(1)
    for time in sorted({minutes for minutes, over in waits if over}):
        there = sum(minutes >= time for minutes, _ in waits)
        rest *= Fraction(there - waits.count((time, True)), there)
        if rest <= 1 - share:
            return time
    return None


STEPS = ("captured", "contacted", "qualified", "converted", "open", "won", "disqualified")


def lead_funnel(asked: Asked) -> Iterator[Record]:
    """(step, reason, currency, leads, share of those captured, amount)"""
    found: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    leads, past = captured(asked), asked.past()
    for lead in leads:
        been = {"captured": True, "contacted": lead.contacted_at, "qualified": lead.qualified_at}
        for step in (name for name, when in been.items() if when):
            found[step, "", ""].append(Decimal(0))
        if lead.status == "disqualified":
            found["disqualified", lead.reason, ""].append(Decimal(0))
        if lead.status != "converted":
            continue
        found["converted", "", ""].append(Decimal(0))
        last = past[lead.opportunity][-1] if lead.opportunity in past else None
        if last and last.deal.status in ("open", "won"):
            when = last.began if last.deal.status == "won" else asked.moment
            worth = asked.worth(last.deal.worth, when, ": counted without an amount")
            currency = asked.question.convert_to or last.deal.worth.currency
            found[last.deal.status, "", currency].append(worth.amount if worth else Decimal(0))
    if not is_asked(asked, bool(leads or asked.also)):
        return
    keys = {*found, *asked.also, *((step, "", "") for step in STEPS[:4])}
    wins = {key for key in keys if key[0] == "won" and key[2]}
    keys = {key for key in keys if key[0] != "won"} | (wins or {("won", "", "")})
    for key in sorted(keys, key=lambda key: (STEPS.index(key[0]), key)):
        worths = found.get(key, [])
        amount = sum(worths, Decimal(0)) if key[2] else None
        yield *key, len(worths), len(worths) / len(leads) if leads else None, amount


def sources(asked: Asked) -> Iterator[Record]:
    """(source, currency, leads, converted, conversion, deals, amount generated, won, amount won)"""
    from_leads, into = by_first_source(asked), asked.question.convert_to or ""
    found: dict[tuple[str, str], dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for lead in captured(asked):
        found[lead.source, into]["lead"].append(Decimal(0))
        found[lead.source, into][lead.status].append(Decimal(0))
    for deal, _, _, worth in generated(from_leads):
        found[deal.source, worth.currency]["pipeline"].append(worth.amount)
    for step, worth in closed(from_leads, "won"):
        found[step.deal.source, worth.currency]["won"].append(worth.amount)
    for key in sorted({*found, *asked.also}):
        leads, converted, pipeline, won = (found[key][name] for name in ("lead", "converted", "pipeline", "won"))
        share = len(converted) / len(leads) if leads else None
        amounts = sum(pipeline, Decimal(0)), sum(won, Decimal(0))
        yield *key, len(leads), len(converted), share, len(pipeline), amounts[0], len(won), amounts[1]


def by_first_source(asked: Asked) -> Asked:
    """The question of deals that are each of the first source of the lead that they came from."""
    stand = {
        stream: begun
        for stream, steps in asked.world.leads.items()
        if (begun := [step for step in steps if step.at <= asked.moment])
    }
    first: dict[str, tuple[int, str, str]] = {}
    for stream, steps in stand.items():
        root = root_of(stand, stream)
        here = steps[0].at, stream, steps[0].source
        first[root] = min(first.get(root, here), here)
    world = copy(asked.world)
    world.deals = {
        stream: [
            step._replace(deal=replace(step.deal, source=first[root_of(stand, step.deal.lead)][2]))
            if step.deal.lead in stand else step
            for step in steps
        ]
        for stream, steps in asked.world.deals.items()
    }  # fmt: skip
    return replace(asked, world=world)


METRICS = {
    "lead-response": Recomputed(lead_response, True, 0),
    "lead-funnel": Recomputed(lead_funnel, True, 3),
    "sources": Recomputed(sources, True, 2),
}
