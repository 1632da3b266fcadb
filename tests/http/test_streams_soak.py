"""Two hundred who follow the log while appends go on: every position once and in order; the end is quick."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from infra.store import open_log
from tests.http.program import running
from tests.http.test_feed import STREAM, received

STREAMS, SECONDS = 200, 300


@pytest.mark.soak
def test_two_hundred_streams_for_five_minutes_then_a_signal(log_url: str, tmp_path: Path) -> None:
    seen: list[list[int]] = [[] for _ in range(STREAMS)]
    ends = threading.Event()
    with running(log_url, tmp_path) as service:

        def listen(place: int) -> None:
            limits = httpx.Limits(max_connections=1)
            with httpx.Client(base_url=service.url, timeout=60, verify=False, limits=limits) as client:
                last = "0"
                while not ends.is_set():
                    try:
                        headers = STREAM | {"last-event-id": last}
                        with client.stream("GET", "/v1/events", headers=headers) as answer:
                            for event in received(answer.iter_lines()):
                                last = event.get("id", last)
                                if "data" not in event:
                                    continue
                                seen[place].append(int(event["id"]))
                                if place % 10 == 0 and len(seen[place]) % 100 == 99:
                                    break  # some come back again and again
                    except httpx.HTTPError:
                        return

        def append() -> None:
            with httpx.Client(base_url=service.url, timeout=60, verify=False) as client:
                while not ends.is_set():
                    client.post("/v1/leads", json={"source": "web"})
                    time.sleep(0.05)

        listeners = [threading.Thread(target=listen, args=(place,)) for place in range(STREAMS)]
        writers = [threading.Thread(target=append) for _ in range(4)]
        for each in (*listeners, *writers):
            each.start()
        time.sleep(SECONDS)
        ends.set()
        for each in writers:
            each.join(30)
        head = int(httpx.get(f"{service.url}/readyz", timeout=60).json()["position"])
        deadline = time.monotonic() + 60  # for the listeners, which are many on one machine
        while any(not positions or positions[-1] < head for positions in seen) and time.monotonic() < deadline:
            time.sleep(0.2)
        crowded = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # how many want each processor now
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        for each in listeners:
            each.join(5 * crowded)
        assert not any(each.is_alive() for each in listeners)
        assert time.monotonic() - began < crowded, "a second of a machine that does nothing else"
        assert service.process.wait(10 * crowded) == 0
    log = open_log(log_url)
    stored = [event.position for event in log.recorded(0, 1_000_000)]
    log.close()
    assert len(stored) > 2 * SECONDS
    wrong = {
        place: (len(positions), [pair for pair in zip(positions, stored, strict=False) if pair[0] != pair[1]][:1])
        for place, positions in enumerate(seen)
        if positions != stored
    }
    assert not wrong, f"{len(stored)} stored, (received, first that differs): {wrong}"
