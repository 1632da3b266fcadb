"""The operations that answer figures: each metric, what is behind it, and what is different between two moments."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Struct

from infra.application.answers import definition, document
from infra.application.comparison import AXES, FORMS, comparison
from infra.application.explanation import explanation
from infra.application.moments import position
from infra.http.conditional import not_modified
from infra.http.operations import READ, Body, Call, Operation, Parameter, Reply, encode
from infra.http.positions import WAIT, check_reached
from infra.http.schemas import ANYTHING, TEXT, TIME, WHOLE, array, record, ref
from infra.http.values import Choice, Currency, Moment, Text, Value
from infra.identity.caller import Target
from infra.identity.visibility import names_stream, seen_answer, seen_differences, seen_rows
from projections import METRICS
from projections.query.metric import Metric
from projections.query.question import ATTRIBUTIONS

KNOWN_AT = Parameter(
    "known_at", "query", Moment(position=True),
    "As known at this position of the log, or at this time; and as true then, unless `effective_at` says otherwise.",
)  # fmt: skip
EFFECTIVE_AT = Parameter(
    "effective_at", "query", Moment(), "As true at this time, or at the end of this day or period; now, if left out."
)
PARTS: dict[str, tuple[Value, str]] = {
    "pipeline": (Text(), "Only the deals of this sales process, by its stream."),
    "owner": (Text(), "Only the deals of this seller, or their part of them; empty for nobody's."),
    "team": (Text(), "Only the deals of who is in this team then, by its stream; empty for no team's."),
    "product": (Text(), "Only the deals, and line items, about this product."),
    "source": (Text(), "Only the deals whose lead came from here."),
    "currency": (Text(), "Only the deals in this currency."),
    "since": (Moment(instants=False), "The first day of the period."),
    "until": (Moment(instants=False), "The last day of the period."),
    "convert_to": (Currency(), "Every amount in this currency, by the rate of its day."),
    "base_currency": (Currency(), "Where two currencies have no rate: through what either is worth in this one."),
    "attribute": (
        Choice(ATTRIBUTIONS), "Whether what happened counts for who and what it belonged to then, or at the moment.",
    ),
    "stage": (Text(), "Which stage."),
    "closes_since": (Moment(instants=False), "Only the deals to close on this day or later."),
    "closes_until": (Moment(instants=False), "Only the deals to close on this day or earlier."),
    "known_before": (Moment(position=True), "Compared with what was known at this position or time."),
    "within": (Text("[1-9][0-9]{0,3}[mhd]", "a time such as 90m, 24h or 14d", 2, 5), "The time to judge by."),
}  # fmt: skip
"""The parts of a question, as they are written."""


MOMENTS = ("known_at", "effective_at", "since", "until", "closes_since", "closes_until", "known_before")


class Described(Struct, frozen=True):
    """A metric: what it means, and how it can be asked for. period: empty where it is asked at a moment."""

    name: str
    version: int
    definition: str
    modes: tuple[str, ...]
    cohorts: tuple[str, ...]
    period: str
    by: tuple[str, ...]


class Filtered(NamedTuple):
    """A question of a caller: its parts as texts, their own filters among them; `forced` are those they did not say."""

    texts: dict[str, Any]
    filters: dict[str, Any]
    forced: frozenset[str]


def operations() -> Iterator[Operation]:
    """The list of metrics, and the operations of each."""
    target = Target("describe", "metrics")
    yield Operation(
        "GET", "/v1/metrics", "metrics", "The figures there are, with their definitions.", target, listed, "metrics",
        answer=Body(array(ref(Described)), (Described,)), secret=False,
    )  # fmt: skip
    for name, metric in METRICS.items():
        rules = PERIODS_RULE
        parameters = (*(parameter for parameter in parameters_of(metric)), KNOWN_AT, EFFECTIVE_AT, WAIT)
        yield Operation(
            "GET", f"/v1/metrics/{name}", f"metric-{name}", f"The figure {name}.", Target("figures", f"metric-{name}"),
            answered, "metrics", definition(name), parameters, None, answer_of(metric), (200, 304), STATUSES,
            secret=False, rules=rules,
        )  # fmt: skip
        yield Operation(
            "GET", f"/v1/metrics/{name}/explanation", f"explain-{name}",
            f"The rows and the events behind each figure of {name}, and what was left out, with the reason.",
            Target("figures", f"explain-{name}"), explained, "metrics", "", parameters, None,
            Body(EXPLANATION), (200,), STATUSES, rules=rules,
        )  # fmt: skip
    yield Operation(
        "GET", "/v1/differences", "differences",
        "What is different between two moments: deals created, moved, changed, closed, and the waterfall between them.",
        Target("figures", "differences"), different, "metrics", "", (*DIFFERENCE, WAIT), None, Body(DIFFERENCES),
        (200,), STATUSES, rules="The first moment lies before the second; what the axis is, only the moments say.",
    )  # fmt: skip


STATUSES = (*READ, 409)
PERIODS_RULE = "A period begins before it ends; by week, month or quarter it needs both; some are asked at a moment."


def parameters_of(metric: Metric) -> Iterator[Parameter]:
    """What a metric can be asked for, as it is read and documented."""
    left_out = {"convert_to": False, "stage": not metric.stage, "within": not metric.within}
    left_out |= dict.fromkeys(("closes_since", "closes_until"), not metric.closes)
    left_out |= {"known_before": not metric.compares}
    for name, (value, text) in PARTS.items():
        of_none = (
            name in ("pipeline", "owner", "team", "product", "source", "currency") and name not in metric.dimensions
        )
        if not of_none and not left_out.get(name):
            needed = name in ("since", "until") and metric.period == "needed" and not metric.compares
            yield Parameter(name, "query", value, text, required=needed)
    if metric.by:
        yield Parameter("by", "query", Choice(metric.by), "Apart by these; at most one period among them.", many=True)
    for name, ways in (("mode", metric.modes), ("cohort", metric.cohorts)):
        if ways:
            yield Parameter(name, "query", Choice(ways), f"Which of its {name}s; {ways[0]} if left out.")


def structs_of(metric: Metric) -> list[type[Struct]]:
    """What the records of a metric are."""
    result = get_type_hints(metric.records, include_extras=True)["return"]
    return [part for part in get_args(get_args(result)[0]) if isinstance(part, type) and issubclass(part, Struct)]


def answer_of(metric: Metric) -> Body:
    """The schema of a metric's answer: each row is its record, with the group that it is of."""
    row: dict[str, Any] = ANYTHING
    if structs := structs_of(metric):
        row = {"type": "object", "description": f"A {structs[0].__name__}, with the members of its group."}
    return Body(
        record({
            "metric": TEXT, "definition": TEXT, "position": WHOLE, "known_at": WHOLE, "effective_at": TIME,
            "newest_fact_at": {"anyOf": [TIME, {"type": "null"}]}, "filters": ANYTHING, "rows": array(row),
            "left_out": {"type": "object", "additionalProperties": WHOLE}, "notes": array(TEXT),
        }),
    )  # fmt: skip


EXPLANATION = record({
    "metric": TEXT, "filters": ANYTHING, "known_at": WHOLE, "figures": array(ANYTHING), "left_out": array(ANYTHING),
    "hidden": WHOLE,
})  # fmt: skip
DIFFERENCES = record({
    "axis": TEXT, "form": TEXT, "from": ANYTHING, "to": ANYTHING, "filters": ANYTHING,
    "counts": {"type": "object", "additionalProperties": WHOLE}, "differences": array(ANYTHING),
    "waterfall": array(ANYTHING), "left_out": {"type": "object", "additionalProperties": WHOLE}, "hidden": WHOLE,
})  # fmt: skip
DIFFERENCE = (
    Parameter("from", "query", Moment(position=True), "The earlier moment; on the known axis also a position.",
              required=True),
    Parameter("to", "query", Moment(position=True), "The later one: a time, or the end of a day or a period.",
              required=True),
    Parameter("axis", "query", Choice(AXES), "What happened between them, or what became known."),
    Parameter("form", "query", Choice(FORMS), "The waterfall step by step, or from state to state."),
    *(Parameter(name, "query", *PARTS[name])
      for name in ("pipeline", "owner", "team", "product", "source", "currency", "convert_to", "base_currency")),
)  # fmt: skip


async def listed(call: Call) -> Reply:
    """The metrics there are."""
    known = [
        Described(name, metric.version, definition(name), metric.modes, metric.cohorts, metric.period or "", metric.by)
        for name, metric in METRICS.items()
    ]
    return Reply(encode(known), headers={"cache-control": "private, max-age=300"})


def question_of(call: Call) -> Filtered:
    """The question that a call asks: what the caller says, within what they may see. Asks the database."""
    stated = {name: value for name, value in call.query.items() if name != WAIT.name}
    texts = dict(call.service.access.narrowed(call.caller, stated))
    filters = {name: value for name, value in texts.items() if name not in ("known_at", "effective_at")}
    return Filtered(texts, filters, frozenset(texts) - frozenset(stated))


async def answered(call: Call) -> Reply:
    """The answer of a metric."""
    name = call.operation.name.removeprefix("metric-")

    def reply() -> Reply:
        app, asked = call.service.app, question_of(call)
        check_reached(app.log, call.query)
        lasts = is_lasting(asked.texts) and not depends_on_owners(call, name)
        if lasts:
            known = asked.texts.get("known_at")
            reached = app.log.head() if known is None else position(app, known)
            if unchanged := not_modified(call, tag_of(call, name, asked, reached)):
                return unchanged
        answer = seen_answer(app, call.caller, app.ask(name, asked.texts, asked.forced))
        kept = {"cache-control": "private, no-cache"}
        if not lasts:
            return Reply(encode(document(answer, app.log.head(), asked.filters)), headers=kept)
        kept["etag"] = tag_of(call, name, asked, answer.known_at)
        return Reply(encode(document(answer, answer.known_at, asked.filters)), headers=kept)

    return await call.read(reply)


def is_lasting(texts: Mapping[str, Any]) -> bool:
    """Whether a question at a position has one answer for ever: its moments are given, and none by a word."""
    moments = [texts[name] for name in MOMENTS if name in texts]
    pinned = "known_at" in texts or "effective_at" in texts
    return pinned and all(text[0].isdigit() or text[0] in "qQ" for text in moments)


def depends_on_owners(call: Call, name: str) -> bool:
    """Whether an answer of the past leaves out what belongs to others by now: its rows are about one deal or lead."""
    return call.caller.owner is not None and any(names_stream(each) for each in structs_of(METRICS[name]))


def tag_of(call: Call, name: str, asked: Filtered, position: int) -> str:
    """What names an answer: the metric's version, the question, the position, and what the caller sees."""
    parts = [name, METRICS[name].version, sorted(asked.texts.items()), position, call.caller.scope]
    return f'"{hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]}"'


async def explained(call: Call) -> Reply:
    """The rows and events behind the figures of a metric."""
    name = call.operation.name.removeprefix("explain-")

    def answer() -> bytes:
        app, asked = call.service.app, question_of(call)
        check_reached(app.log, call.query)
        rows = explanation(app.log, app.explain(name, asked.texts, asked.forced))
        return encode({"metric": name, "filters": asked.filters, **seen_rows(app, call.caller, rows)})

    return Reply(await call.read(answer))


async def different(call: Call) -> Reply:
    """What is different between two moments."""
    apart: Sequence[str] = ("from", "to", "axis", "form")

    def answer() -> bytes:
        app, asked = call.service.app, question_of(call)
        texts = asked.texts
        check_reached(app.log, call.query, ("from", "to") if texts.get("axis") == "known" else ())
        filters = {name: value for name, value in texts.items() if name not in apart}
        ends = texts["from"], texts["to"]
        axis, form = texts.get("axis", AXES[0]), texts.get("form", FORMS[0])
        compared = comparison(app, *ends, axis, form, filters, asked.forced).document(axis, form)
        return encode({**seen_differences(app, call.caller, compared), "filters": filters})

    return Reply(await call.read(answer))


__all__ = ["operations"]
