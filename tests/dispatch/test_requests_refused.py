"""What no stream is even asked: envelopes that do not hold, texts that no database stores alike."""

import pytest
from msgspec.structs import replace

from domain.errors import Malformed
from domain.lead import CaptureLead
from domain.lead.qualification import AssessCriterion
from domain.opportunity.progress import ChangePipeline
from domain.recorded import Request, Source
from domain.reference.process import PublishProcess
from infra.application.dispatch import Receipt
from tests.desk import THREE
from tests.dispatch.asking import CONVERT, DEAL, LEAD, OPEN, asked, qualify

# What is not a request


@pytest.mark.parametrize("stream", [LEAD, "opportunity", "opportunity-", "deal-7", "opportunity-" + "7" * 189])
def test_a_command_of_another_kind_of_stream_is_malformed(dispatcher, stream):
    with pytest.raises(Malformed) as refusal:
        dispatcher.execute(asked(stream, OPEN))
    assert str(refusal.value) == f"stream: open-opportunity is asked of a stream named opportunity-…, not of {stream!r}"


def test_a_request_of_nobody_is_malformed(dispatcher):
    with pytest.raises(Malformed, match=r"^actor: say who asks$"):
        dispatcher.execute(asked(DEAL, OPEN, actor=""))


CAPTURE = CaptureLead("fair", "Acme", "ann", "Jo Doe", "jo@acme.example", "1", "blue")
FULL = asked(
    LEAD, CAPTURE, on_behalf_of="bob", reason="because", command_id="c-1", correlation_id="talk-1",
    causation_id="mail-1", source=Source("crm", "4711", "batch-1"),
)  # fmt: skip
ENVELOPE = ("stream", "actor", "on_behalf_of", "reason", "command_id", "correlation_id", "causation_id")
OF_SOURCE = ("system", "external_id", "batch")
PLACES = [*ENVELOPE, *OF_SOURCE, *(f"command.{name}" for name in CaptureLead.__struct_fields__)]


def with_text(place: str, more: str) -> Request:
    """The full request with something added to one of its texts."""
    if place in ENVELOPE:
        return replace(FULL, **{place: getattr(FULL, place) + more})
    if place in OF_SOURCE:
        return replace(FULL, source=replace(FULL.source, **{place: getattr(FULL.source, place) + more}))
    name = place.removeprefix("command.")
    return replace(FULL, command=replace(CAPTURE, **{name: getattr(CAPTURE, name) + more}))


@pytest.mark.parametrize("more", ["\0", "\ud800"], ids=["NUL", "half a character"])
def test_a_text_that_no_database_stores_alike_is_malformed_wherever_it_stands(dispatcher, log, more):
    head = log.head()
    requests = [with_text(place, more) for place in PLACES]
    outcomes = dispatcher.execute_all([*requests, asked(DEAL, OPEN)])
    assert [place for place, outcome in zip(PLACES, outcomes, strict=False) if not isinstance(outcome, Malformed)] == []
    fields = [f"source.{p}" if p in OF_SOURCE else p.removeprefix("command.") for p in PLACES]
    what = "the NUL character" if more == "\0" else "half a character, which is not Unicode"
    assert [str(outcome) for outcome in outcomes[:-1]] == [f"{field}: holds {what}" for field in fields]
    assert outcomes[-1] == Receipt(DEAL, ((DEAL, 1),), log.head(), types=("opportunity-opened",))
    assert [recorded.stream for recorded in log.recorded(head, 10)] == [DEAL]


def test_nul_is_refused_in_a_stream_that_a_command_names(dispatcher, log):
    qualify(dispatcher)
    for field, command in (
        ("opportunity", replace(CONVERT, opportunity="opportunity-\0")),
        ("process", replace(CONVERT, process="process-\0")),
        ("framework", AssessCriterion("need", "yes", "framework-\0")),
    ):
        with pytest.raises(Malformed, match=rf"^{field}: holds the NUL character$"):
            dispatcher.execute(asked(LEAD, command))


@pytest.mark.parametrize("more", ["\\u0000", "\\\\u0000", "é\U0001f600", "\n\t\x1f\x7f", '"'], ids=ascii)
def test_other_odd_texts_are_kept_as_they_are(make, dispatcher, more):
    for place in PLACES[1:]:
        request = replace(with_text(place, more), stream=f"lead-{place}", command_id=place)
        assert dispatcher.execute(request).facts == ((f"lead-{place}", 1),)
        captured = make().history(f"lead-{place}").state.lead.captured
        assert all(getattr(captured, name) == getattr(request.command, name) for name in CaptureLead.__struct_fields__)


def test_what_holds_nul_deep_inside_is_named_by_its_path(dispatcher):
    parted = PublishProcess("Sales", (*THREE.stages[:-1], replace(THREE.stages[-1], name="Lo\0st")))
    with pytest.raises(Malformed, match=r"^stages\[4\]\.name: holds the NUL character$"):
        dispatcher.execute(asked("process-sales", parted))
    mapped = ChangePipeline("process-standard", {"need\0": "discovery"})
    with pytest.raises(Malformed, match=r"^stage_mapping: holds the NUL character$"):
        dispatcher.execute(asked(DEAL, mapped))
