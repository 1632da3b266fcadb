"""The feed of events: pages, waiting, and streams in which nothing is skipped and nothing comes twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from infra.http.running import READERS
from tests.http.site import Site
from tests.http.test_refusals import check

STREAM = {"accept": "text/event-stream"}


def received(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The events of a stream; one without data says how far the stream is."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}


@contextmanager
def listening(site: Site, after: int, last: str | None = None, **query: str) -> Iterator[Iterator[dict[str, str]]]:
    headers = STREAM | ({"last-event-id": last} if last else {})
    with (
        httpx.Client(base_url=site.url, timeout=30, verify=False) as client,
        client.stream("GET", "/v1/events", params={"after": after, **query}, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield received(answer.iter_lines())


def test_pages_go_on_where_the_last_one_ended(each_site: Site) -> None:
    for _ in range(7):
        each_site.post("/v1/leads", {"source": "web"})
    seen, after = list[int](), 0
    while True:
        page = each_site.get("/v1/events", after=after, limit=3).json()
        seen += [event["position"] for event in page["events"]]
        after = page["next"]
        if page["end"]:
            break
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert after == each_site.app.log.head() == seen[-1]
    kinds = each_site.get("/v1/events", type=["lead-captured"]).json()["events"]
    assert {event["type"] for event in kinds} == {"lead-captured"}
    assert len(kinds) == 7


def test_who_waits_gets_what_comes_as_it_comes(site: Site) -> None:
    site.deal()
    head = site.app.log.head()
    threading.Timer(0.3, site.deal).start()
    began = time.monotonic()
    page = site.get("/v1/events", after=head, wait=10).json()
    assert [event["type"] for event in page["events"]] == ["opportunity-opened"]
    assert 0.2 < time.monotonic() - began < 5
    nothing = site.get("/v1/events", after=page["next"], wait=1).json()
    assert (nothing["events"], nothing["next"], nothing["end"]) == ([], page["next"], True)


def test_a_position_still_to_come_is_a_conflict_and_a_strange_type_a_refusal(site: Site) -> None:
    check(site.get("/v1/events", after=10**6), 409, "not-reached", "after")
    check(site.get("/v1/events", headers=STREAM, after=10**6), 409, "not-reached", "after")
    check(site.get("/v1/events", type="lead-eaten"), 422, "malformed", "type")
    check(site.get("/v1/events", headers=STREAM | {"last-event-id": "x"}), 400, "unreadable", "Last-Event-ID")
    check(site.get("/v1/events", headers=STREAM, limit=3), 422, "malformed", "limit")


def test_personal_fields_are_sealed_unless_they_are_asked_for_open(site: Site) -> None:
    site.post("/v1/leads", {"source": "web", "name": "Zoë Zimmer"})
    assert "Zimmer" not in site.get("/v1/events").text
    assert "Zimmer" in site.get("/v1/events", open="true").text


def test_a_stream_broken_off_again_and_again_misses_nothing_and_repeats_nothing(each_site: Site) -> None:
    each_site.deal()
    stop = threading.Event()

    def append() -> None:
        while not stop.is_set():
            each_site.post("/v1/leads", {"source": "web"})

    writers = [threading.Thread(target=append) for _ in range(3)]
    for writer in writers:
        writer.start()
    seen, last = list[int](), "0"
    try:
        for round_ in range(12):
            with listening(each_site, 0, last) as events:
                for _ in range(3 + round_ * 5):
                    event = next(events)
                    last = event.get("id", last)
                    if "data" in event:
                        assert json.loads(event["data"])["position"] == int(event["id"])
                        seen.append(int(event["id"]))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    stored = [event.position for event in each_site.app.log.recorded(0, 100_000)]
    assert len(seen) > 200
    assert seen == stored[: len(seen)]


def test_many_streams_each_get_every_position_once_and_in_order(each_site: Site) -> None:
    head = each_site.app.log.head()
    each_site.deal()
    seen: list[list[int]] = [[] for _ in range(20)]

    def listen(place: int) -> None:
        with listening(each_site, head) as events:
            while len(seen[place]) < 150:
                event = next(events)
                if "data" in event:
                    seen[place].append(int(event["id"]))

    listeners = [threading.Thread(target=listen, args=(place,)) for place in range(len(seen))]
    for listener in listeners:
        listener.start()
    for _ in range(200):
        each_site.post("/v1/leads", {"source": "web"})
    for listener in listeners:
        listener.join(30)
    stored = [event.position for event in each_site.app.log.recorded(head, 150)]
    assert all(positions == stored for positions in seen)


def test_a_stream_of_one_type_gets_that_type_alone(site: Site) -> None:
    site.deal()
    site.post("/v1/leads", {"source": "web"})
    site.deal()
    with listening(site, 0, type="lead-captured") as events:
        event = next(event for event in events if "data" in event)
    assert json.loads(event["data"])["type"] == "lead-captured"


def test_who_listens_no_more_is_forgotten(site: Site) -> None:
    site.deal()
    before = threading.active_count()
    for _ in range(20):
        with listening(site, 0) as events:
            next(events)
    deadline = time.monotonic() + 5
    while (left := len(site.server.server_state.tasks)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == 0
    assert threading.active_count() <= before + READERS


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_with_open_streams_at_once(tmp_path: Path, sent: signal.Signals) -> None:
    program = [sys.executable, "-c", "from infra.cli.main import main; main()", "serve", "--db", "sqlite:///log.db",
               "--port", "0"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    with (
        subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stderr is not None
        url = next(line for line in process.stderr if "serving " in line).split()[-1].removesuffix("/v1/docs")
        client = stack.enter_context(httpx.Client(base_url=url, timeout=20, verify=False))
        head = str(client.post("/v1/leads", json={"source": "web"}).json()["position"])
        events = list[Iterator[dict[str, str]]]()  # one that nobody holds is closed
        for _ in range(10):
            answer = stack.enter_context(client.stream("GET", "/v1/events", headers=STREAM))
            events.append(received(answer.iter_lines()))
            assert any(event.get("id") == head for event in events[-1])
        began = time.monotonic()
        process.send_signal(sent)
        for each in events:
            assert [event for event in each if "data" in event] == []
        assert time.monotonic() - began < 3  # a second on a machine that does nothing else
        assert process.wait(10) == 0
