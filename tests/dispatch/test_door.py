"""The one door: any number of threads and processes, each request with an outcome of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, KeyReused, Malformed, PipelineError
from domain.lead import CaptureLead, ConvertLead
from domain.lead.profile import AssignLead
from domain.lead.qualification import QualifyLead
from domain.money import Money
from domain.opportunity.follow_up import CompleteActivity
from domain.opportunity.terms import ChangeAmount
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.dispatch import Receipt
from infra.application.explanation import explanation
from infra.privacy.vault import UNREADABLE
from infra.settings import Settings
from tests.dispatch.asking import OPEN
from tests.store.damage import damage

WRITERS = 6


@pytest.fixture
def settings(log_url: str, tmp_path: Path) -> Settings:
    return Settings(db=log_url, key_file=str(tmp_path / "master.key"))


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    with opened(settings) as app:
        yield app


def capture(number: object, **envelope: object) -> Request:
    command = CaptureLead("website", name=f"Person {number}", email=f"p{number}@alder.example")
    return Request(stream=f"lead-{number}", command=command, actor="ann", **envelope)  # type: ignore[arg-type]


def read_back(app: App, people: int) -> list[str]:
    """The names that can be read of those captured."""
    facts = app.log.facts([f"lead-{number}" for number in range(people)], app.log.head())
    return [app.vault.open(stream, fact.event).name for stream, found in facts.items() for fact in found]


def capture_in_threads(app: App, each: int) -> None:
    def run(writer: int) -> list[Receipt]:
        return [app.execute(capture(writer * each + n)) for n in range(each)]

    with ThreadPoolExecutor(WRITERS) as pool:
        assert all(len(receipts) == each for receipts in pool.map(run, range(WRITERS)))


def test_threads_on_one_installation_lose_no_persons_data(app: App):
    capture_in_threads(app, 25)
    names = read_back(app, WRITERS * 25)
    assert sorted(names) == sorted(f"Person {number}" for number in range(WRITERS * 25))
    assert UNREADABLE not in names


@pytest.mark.soak
@pytest.mark.parametrize("run", range(20))
def test_threads_on_one_installation_lose_no_persons_data_in_many_runs(app: App, run: int):
    capture_in_threads(app, 200)
    assert sorted(read_back(app, WRITERS * 200)) == sorted(f"Person {number}" for number in range(WRITERS * 200))


def test_a_stream_that_everybody_writes_to_refuses_nobody_who_expected_nothing(app: App, settings: Settings):
    app.execute(capture("hot"))
    batches, size = 4, 10

    def run(place: tuple[App, int]) -> list[Receipt | PipelineError]:
        app, writer = place
        outcomes = list[Receipt | PipelineError]()
        for batch in range(batches):
            names = [f"{writer}-{batch}-{n}" for n in range(size)]
            requests = [
                Request(stream="lead-hot", command=AssignLead(name), actor="ann") if n % 2 else capture(name)
                for n, name in enumerate(names)
            ]
            outcomes += app.execute_all(requests)
        return outcomes

    with ExitStack() as stack:
        other = stack.enter_context(opened(settings))
        with ThreadPoolExecutor(WRITERS) as pool:
            found = [
                each for part in pool.map(run, [((app, other)[n % 2], n) for n in range(WRITERS)]) for each in part
            ]
    assert [each for each in found if isinstance(each, PipelineError)] == []
    history = app.log.facts(["lead-hot"], app.log.head())["lead-hot"]
    owners = {fact.event.owner for fact in history[1:]}
    assert len(owners) == len(history) - 1 == WRITERS * batches * size // 2
    assert [fact.version for fact in history] == list(range(1, len(history) + 1))


def test_a_conflict_concerns_its_own_request_only(app: App):
    app.execute_all([capture("1"), capture("2")])
    stale = Request(stream="lead-1", command=AssignLead("bob"), actor="ann", expected_version=0)
    refused, other, new = app.execute_all(
        [stale, Request(stream="lead-2", command=AssignLead("bob"), actor="ann"), capture("3")]
    )
    assert isinstance(refused, Conflict)
    assert isinstance(other, Receipt) and other.facts == (("lead-2", 2),) and other.types == ("lead-assigned",)
    assert isinstance(new, Receipt) and new.types == ("lead-captured",)


def test_what_rests_on_a_stream_that_moved_is_decided_anew_with_it_and_the_rest_is_not(app: App):
    """A bulk job keeps histories, so that another's change shows at the append."""
    app.execute_all([capture("1"), capture("2")])
    job = app.dispatcher(cached=True)
    assert job.history("lead-1").version == job.history("lead-2").version == 1
    app.execute(Request(stream="lead-1", command=AssignLead("cleo"), actor="ann"))
    asked = [("lead-1", "bob"), ("lead-2", "bob"), ("lead-1", "dan"), ("lead-1", "dan")]
    outcomes = job.execute_all(
        [Request(stream=stream, command=AssignLead(owner), actor="ann") for stream, owner in asked]
    )
    facts = [outcome.facts if isinstance(outcome, Receipt) else outcome for outcome in outcomes]
    assert facts == [(("lead-1", 3),), (("lead-2", 2),), (("lead-1", 4),), ()]
    events = [fact.event for fact in app.log.facts(["lead-1"], app.log.head())["lead-1"]]
    assert [event.owner for event in events[1:]] == ["cleo", "bob", "dan"]


def test_an_opening_that_is_asked_again_under_its_command_id_is_the_same_request(app: App):
    request = Request(stream="", command=CaptureLead("website", name="Ada Abel"), actor="ann", command_id="k1")
    first, again = app.execute(request), app.execute(request)
    assert first.stream == again.stream and first.stream.startswith("lead-")
    assert (first.facts, again.facts, again.repeated) == (((first.stream, 1),), first.facts, True)
    assert again.types == ("lead-captured",)
    other = app.execute(Request(stream="", command=CaptureLead("website"), actor="bob", command_id="k1"))
    assert other.stream != first.stream
    with pytest.raises(KeyReused):
        app.execute(Request(stream="", command=CaptureLead("fair"), actor="ann", command_id="k1"))
    unnamed = [app.execute(Request(stream="", command=CaptureLead("fair"), actor="ann")).stream for _ in range(2)]
    assert unnamed[0] != unnamed[1]


def test_a_conversion_that_is_asked_again_under_its_command_id_opens_one_opportunity(app: App):
    app.execute(capture("1"))
    app.execute(Request(stream="lead-1", command=QualifyLead(override_reason="known to us"), actor="ann"))
    command = ConvertLead("", "process-standard", Money(Decimal(100), "EUR"))
    request = Request(stream="lead-1", command=command, actor="ann", command_id="k2")
    first, again = app.execute(request), app.execute(request)
    assert first.types == ("lead-converted", "opportunity-opened")
    assert (again.facts, again.repeated, again.types) == (first.facts, True, first.types)


def test_questions_are_asked_in_texts_from_any_thread_of_tables_that_stay_open(app: App):
    app.execute_all([capture(number) for number in range(3)])
    texts = {"effective_at": "2100-01-01", "known_at": str(app.log.head())}
    with ThreadPoolExecutor(WRITERS) as pool:
        answers = list(pool.map(lambda _: app.ask("lead-conversion", texts), range(WRITERS * 3)))
    assert {answer.known_at for answer in answers} == {app.log.head()}
    assert all(answer == answers[0] for answer in answers)


def test_a_request_that_is_too_large_to_be_published_is_refused_by_itself(app: App):
    long = CaptureLead("website", name="x" * 600_000)
    refused, done = app.execute_all([Request(stream="lead-1", command=long, actor="ann"), capture("2")])
    assert isinstance(refused, Malformed) and "lead-1: lead-captured is" in str(refused)
    assert isinstance(done, Receipt) and done.facts == (("lead-2", 1),)


def test_a_log_that_was_put_back_under_a_living_process_is_read_anew(app: App, log_url: str):
    app.execute(capture("1"))
    app.execute(Request(stream="lead-1", command=AssignLead("bob"), actor="ann"))
    damage(log_url, "DELETE FROM stored_events WHERE originator_id = 'lead-1' AND originator_version = 2")
    receipt = app.execute(Request(stream="lead-1", command=AssignLead("cleo"), actor="ann"))
    assert receipt.facts == (("lead-1", 2),)


def test_a_row_says_the_version_of_its_stream_that_a_command_may_expect(app: App):
    """Also where the last fact, a logged call, changes nothing in the row."""
    app.execute(Request(stream="opportunity-1", command=OPEN, actor="ann"))
    call = CompleteActivity("call-1", "call")
    app.execute(Request(stream="opportunity-1", command=call, actor="ann"))
    explained = app.explain("board", {})
    app.execute(Request(stream="opportunity-2", command=OPEN, actor="ann"))
    (row,) = explanation(app.log, explained)["figures"][0]["rows"]
    assert (row["version"], row["stream_version"]) == (1, 2)
    later = Request(
        stream="opportunity-1", command=ChangeAmount(Money(Decimal(7), "EUR")), actor="bob",
        expected_version=row["stream_version"],
    )  # fmt: skip
    assert app.execute(later).facts == (("opportunity-1", 3),)
    with pytest.raises(Conflict, match="opportunity-1"):
        app.execute(replace(later, command=ChangeAmount(Money(Decimal(8), "EUR"))))
    (row,) = explanation(app.log, explained)["figures"][0]["rows"]
    assert row["stream_version"] == 2, "an answer at a position stays"
