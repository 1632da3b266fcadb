"""A trace goes from a call to the facts that it led to, and on with their messages."""

from domain.lead.capture import CaptureLead
from domain.recorded import Request
from infra.application.app import opened
from infra.kafka.envelope import headers
from infra.settings import Settings
from infra.trace import trace_id, traceparent
from tests.offenders import every

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EVENT = "01a21cf1-4d97-7a27-b2e0-00fa44d3528e"


@every(
    ("header", "found"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f" 00-{TRACE}-00f067aa0ba902b7-00 ", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-what-comes", ""),
        (f"cc-{TRACE}-00f067aa0ba902b7-01x", ""),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-00f067aa0ba902b7", ""),
        ("", ""),
        ("00-", ""),
    ],
)
def test_a_header_names_a_trace_as_the_recommendation_says(header: str, found: str):
    assert trace_id(header) == found


def test_a_message_goes_on_with_the_trace_of_its_event_and_always_says_the_same():
    made = traceparent(TRACE, EVENT)
    assert len(made) == 55
    assert trace_id(made) == TRACE
    assert made == traceparent(TRACE, EVENT) != traceparent(TRACE, EVENT.replace("528e", "528f"))


@every("conversation", ["", "import-7", TRACE[:-1], TRACE.upper(), "0" * 32, TRACE + "0"])
def test_a_conversation_that_is_no_trace_is_none(conversation: str):
    assert traceparent(conversation, EVENT) == ""


def test_the_message_of_an_event_carries_its_trace(sqlite_url: str):
    with opened(Settings(db=sqlite_url)) as app:
        for conversation in (TRACE, "run-1"):
            request = Request(stream="", command=CaptureLead("web"), actor="ana", correlation_id=conversation)
            app.execute(request)
        first, second = [*app.log.stored(app.log.head())][-2:]
        told = dict(headers(first, b"/dealtrail"))
        assert trace_id(told["traceparent"].decode()) == told["ce_correlationid"].decode() == TRACE
        assert "traceparent" not in dict(headers(second, b"/dealtrail"))
