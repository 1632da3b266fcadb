"""Webhooks: a receiver that fails, hangs, dies and comes back gets each event, in order, signed."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from infra.control import control_file, control_to_read
from infra.http.limits import Limits
from infra.webhooks.delivery import Pace
from infra.webhooks.posting import seconds_until
from tests.http.program import running
from tests.http.site import Site, served
from tests.http.test_refusals import check

QUICK = Limits(webhooks=Pace(timeout=0.4, first=0.02, longest=0.1, attempts=1000))
STUBBORN = Limits(webhooks=Pace(timeout=0.4, first=0.01, longest=0.02, attempts=4))


class Receiver:
    """A receiver on a port of its own, which can die and come back there. `behave` answers a status, or misbehaves."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/events?team=south"
        self.secret = ""
        self.taken = list[dict[str, Any]]()
        self.calls = list[tuple[str, dict[str, str], bytes]]()
        self.behave: Callable[[BaseHTTPRequestHandler], int] = lambda _: 204
        self.retry_after = ""
        self.certificate = ""
        self.server: ThreadingHTTPServer | None = None

    def live(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append((self.path, dict(self.headers), body))
                status = receiver.behave(self)
                if not status:
                    return
                if status < 300:
                    receiver.taken.append(Webhook(receiver.secret).verify(body, dict(self.headers)))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                if receiver.retry_after:
                    self.send_header("retry-after", receiver.retry_after)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None: ...  # who called has gone

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def positions(self) -> list[int]:
        return [event["position"] for event in self.taken]


def certificate(folder: Path) -> str:
    """A key with a certificate of its own making, in one file."""
    file, key, moment = folder / "own.pem", ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    own = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .sign(key, SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(plain + own.public_bytes(Encoding.PEM))
    return str(file)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    each = Receiver()
    each.live()
    yield each
    each.die()


@pytest.fixture
def quick(log_url: str, tmp_path: Path) -> Iterator[Site]:
    """A service that tries again soon, once on each database."""
    with served(log_url, tmp_path, limits=QUICK) as site:
        yield site


@contextmanager
def stubborn(db: str, folder: Path) -> Iterator[Site]:
    with served(db, folder, limits=STUBBORN) as site:
        yield site


def subscribed(site: Site, receiver: Receiver, **more: Any) -> str:
    answer = site.post("/v1/webhooks", {"url": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    receiver.secret = answer.json()["secret"]
    assert answer.headers["location"] == f"/v1/webhooks/{answer.json()['id']}"
    return str(answer.json()["id"])


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def stored(site: Site, after: int = 0) -> list[int]:
    return [event.position for event in site.app.log.recorded(after, 100_000)]


def in_order_at_least_once(receiver: Receiver, wanted: list[int]) -> None:
    """Each was taken, and the first time that it was, all before it had been."""
    assert list(dict.fromkeys(receiver.positions)) == wanted


def test_events_come_as_the_feed_has_them_in_order_and_signed(quick: Site, receiver: Receiver) -> None:
    quick.post("/v1/leads", {"source": "web", "name": "Zoë Zimmer"})
    name = subscribed(quick, receiver, after=0)
    for _ in range(20):
        quick.deal()
    until(lambda: len(receiver.taken) >= len(stored(quick)))
    assert receiver.positions == stored(quick)
    assert receiver.taken == quick.get("/v1/events", limit=1000).json()["events"]
    assert b"Zimmer" not in b"".join(body for _, _, body in receiver.calls)
    path, headers, body = receiver.calls[0]
    assert path == "/events?team=south"
    assert headers["webhook-id"] == json.loads(body)["event_id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(body + b" ", headers)
    until(lambda: quick.get(f"/v1/webhooks/{name}").json()["position"] == quick.app.log.head())


@pytest.mark.slow
def test_a_receiver_that_fails_hangs_and_dies_gets_each_event_in_order(quick: Site, receiver: Receiver) -> None:
    calls = 0

    def behave(handler: BaseHTTPRequestHandler) -> int:
        nonlocal calls
        calls += 1
        match calls % 7:
            case 0:
                return 500
            case 2:
                time.sleep(0.6)  # longer than it is waited for
                return 0
            case 4:
                handler.connection.close()
                return 0
            case 5:
                return 302
            case _:
                return 200

    receiver.behave = behave
    before = quick.app.log.head()
    subscribed(quick, receiver)
    for _ in range(6):
        quick.deal()
    until(lambda: len(receiver.taken) >= 4)
    receiver.die()
    for _ in range(6):
        quick.deal()
    time.sleep(0.3)
    receiver.live()
    until(lambda: set(receiver.positions) == set(stored(quick, before)))
    in_order_at_least_once(receiver, stored(quick, before))
    assert {path for path, _, _ in receiver.calls} == {"/events?team=south"}, "no redirect is followed"
    by_id = {headers["webhook-id"] for _, headers, _ in receiver.calls}
    assert len(by_id) == len(stored(quick, before)), "an attempt has the id of the one before"


def test_a_receiver_that_sends_a_byte_now_and_then_is_given_up(quick: Site, receiver: Receiver) -> None:
    first = threading.Event()

    def behave(handler: BaseHTTPRequestHandler) -> int:
        if first.is_set():
            return 200
        first.set()
        for _ in range(100):
            handler.wfile.write(b"H")
            time.sleep(0.1)
        return 0

    receiver.behave = behave
    subscribed(quick, receiver)
    quick.deal()
    until(lambda: receiver.taken, 4)


def test_a_receiver_that_hangs_does_not_hold_up_the_end_of_the_service(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.behave = lambda _: time.sleep(4) or 0  # type: ignore[func-returns-value]
    with served(sqlite_url, tmp_path) as site:
        subscribed(site, receiver)
        site.deal()
        until(lambda: receiver.calls)
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_a_receiver_is_sent_nothing_unless_its_certificate_is_trusted(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.die()
    receiver.certificate = certificate(tmp_path)
    receiver.live()
    with served(sqlite_url, tmp_path, limits=QUICK) as site:
        name = site.post("/v1/webhooks", {"url": receiver.url.replace("http:", "https:")}).json()["id"]
        site.deal()
        until(lambda: site.get(f"/v1/webhooks/{name}").json()["state"] == "failing")
        assert site.get(f"/v1/webhooks/{name}").json()["problem"] == "no answer: SSLCertVerificationError"
        assert receiver.calls == []


def test_one_receiver_that_hangs_holds_no_other_up(quick: Site, receiver: Receiver) -> None:
    slow = Receiver()
    slow.live()
    slow.behave = lambda _: time.sleep(3) or 0  # type: ignore[func-returns-value]
    quick.deal()
    try:
        subscribed(quick, slow)
        subscribed(quick, receiver)
        for _ in range(5):
            quick.deal()
        until(lambda: len(receiver.taken) == 5, 2)
    finally:
        slow.die()


def test_only_what_fits_the_filter_is_sent(quick: Site, receiver: Receiver) -> None:
    others = [Receiver() for _ in range(2)]
    for each in others:
        each.live()
    wanted = quick.deal()
    subscribed(quick, receiver, types=["lead-captured"])
    subscribed(quick, others[0], kinds=["opportunity"])
    subscribed(quick, others[1], streams=[wanted], after=0)
    quick.post("/v1/leads", {"source": "web"})
    second = quick.deal()
    quick.post("/v1/leads", {"source": "web"})
    until(lambda: len(receiver.taken) == 2 and others[0].taken and others[1].taken)
    assert {event["type"] for event in receiver.taken} == {"lead-captured"}
    assert [event["stream"] for event in others[0].taken] == [second]
    assert [event["stream"] for event in others[1].taken] == [wanted]
    for each in others:
        each.die()


@pytest.mark.slow
def test_a_service_that_ends_goes_on_where_it_was(log_url: str, tmp_path: Path, receiver: Receiver) -> None:
    with served(log_url, tmp_path, limits=QUICK) as site:
        subscribed(site, receiver, after=0)
        site.deal()
        until(lambda: receiver.positions == stored(site))
        receiver.behave = lambda _: 503
        site.deal()
        until(lambda: site.get("/v1/webhooks").json()[0]["state"] == "failing")
        taken = len(receiver.taken)
    receiver.behave = lambda _: 200
    with served(log_url, tmp_path, limits=QUICK) as site:
        site.deal()
        until(lambda: len(receiver.taken) == taken + 2)
        assert receiver.positions == stored(site), "nothing is sent again that was taken"


@pytest.mark.slow
def test_a_service_that_is_killed_sends_at_most_what_was_under_way_again(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.behave = lambda _: time.sleep(0.01) or 200  # type: ignore[func-returns-value]
    kills = 3
    for round_ in range(kills):
        with running(sqlite_url, tmp_path) as program, httpx.Client(base_url=program.url, timeout=20) as client:
            if not round_:
                answer = client.post("/v1/webhooks", json={"url": receiver.url, "after": 0})
                receiver.secret = answer.json()["secret"]
            for _ in range(20):
                client.post("/v1/leads", json={"source": "web"})
    with served(sqlite_url, tmp_path, limits=QUICK) as site:
        until(lambda: set(receiver.positions) == set(stored(site)))
        in_order_at_least_once(receiver, stored(site))
        assert len(receiver.taken) <= len(stored(site)) + kills


@pytest.mark.slow
def test_of_several_processes_one_delivers_and_another_goes_on(
    log_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    with served(log_url, tmp_path, limits=QUICK) as second:
        with served(log_url, tmp_path, limits=QUICK) as first:
            subscribed(first, receiver, after=0)
            for _ in range(10):
                second.deal()
                first.deal()
            until(lambda: receiver.positions == stored(first))
        second.deal()
        until(lambda: receiver.positions == stored(second))


@pytest.mark.slow
def test_what_is_refused_too_often_is_parked_and_resumed_without_a_loss(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    with stubborn(sqlite_url, tmp_path) as site:
        receiver.behave = lambda _: 500
        name = subscribed(site, receiver)
        before = site.app.log.head()
        site.deal()
        site.deal()
        until(lambda: site.get(f"/v1/webhooks/{name}").json()["state"] == "parked")
        parked = site.get(f"/v1/webhooks/{name}").json()
        assert (parked["failures"], parked["problem"], parked["position"]) == (4, "answered 500", before)
        assert parked["next_attempt_at"] is None
        receiver.behave = lambda _: 200
        time.sleep(0.3)
        assert len(receiver.calls) == 4, "what is parked is not sent"
    with stubborn(sqlite_url, tmp_path) as site:
        time.sleep(0.3)
        assert len(receiver.calls) == 4, "nor by the next process"
        assert site.post(f"/v1/webhooks/{name}/resume").json()["state"] == "active"
        until(lambda: receiver.positions == stored(site, before))


@pytest.mark.slow
def test_who_says_when_to_come_back_is_not_tried_before(sqlite_url: str, tmp_path: Path, receiver: Receiver) -> None:
    patient = Limits(webhooks=Pace(timeout=0.4, first=0.01, longest=1, attempts=1000))
    far = format_datetime(datetime.now(UTC) + timedelta(days=9))
    with served(sqlite_url, tmp_path, limits=patient) as site:
        name, before = subscribed(site, receiver), site.app.log.head()
        for status, header in ((429, "1"), (503, "3600"), (503, far)):
            receiver.behave, receiver.retry_after = (lambda _, status=status: status), header
            already = len(receiver.calls)
            site.deal()
            until(lambda: site.get(f"/v1/webhooks/{name}").json()["state"] == "failing")
            failed = len(receiver.calls) - already
            time.sleep(0.4)
            assert len(receiver.calls) == already + failed == already + 1, (
                "it waits, but for no longer than the longest"
            )
            receiver.behave = lambda _: 204
            until(lambda: receiver.positions == stored(site, before))


def test_a_time_to_come_back_that_is_none_says_nothing() -> None:
    assert seconds_until("7", 0) == 7 and seconds_until("Thu, 01 Jan 1970 00:00:09 GMT", 2) == 7
    for text in ("", "soon", "-5", "1.5", "Wed, 99 Foo 2026 00:00:00 GMT", "\u0661", "Thu, 01 Jan 1970 00:00:09 GMT"):
        assert seconds_until(text, 1000) == 0, text
    assert Pace().delay(1, seconds_until("9" * 5000, 0)) == Pace().longest


def test_deliveries_are_counted_and_how_far_they_are_behind(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    def measures() -> dict[str, float]:
        lines = site.get("/metrics").text.splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("dealtrail_webhook"))
        return {name.removeprefix("dealtrail_"): float(value) for name, value in found.items()}

    with stubborn(sqlite_url, tmp_path) as site:
        site.deal()
        assert measures()['webhook_deliveries_total{outcome="delivered"}'] == 0
        subscribed(site, receiver)
        before = site.app.log.head()
        site.deal()
        site.deal()
        until(lambda: measures().get("webhook_lag") == 0 and receiver.positions == stored(site, before))
        until(lambda: measures()['webhook_deliveries_total{outcome="delivered"}'] == 2)
        receiver.behave = lambda _: 500
        site.deal()
        until(lambda: measures().get('webhooks{state="parked"}') == 1)
        counted = measures()
        assert counted['webhook_deliveries_total{outcome="failed"}'] == 3
        assert counted['webhook_deliveries_total{outcome="parked"}'] == 1
        assert counted["webhook_lag"] == 0, "the parked one is counted as such"


def test_who_is_gone_is_parked_at_once(sqlite_url: str, tmp_path: Path, receiver: Receiver) -> None:
    with stubborn(sqlite_url, tmp_path) as site:
        receiver.behave = lambda _: 410
        name = subscribed(site, receiver)
        site.deal()
        until(lambda: site.get(f"/v1/webhooks/{name}").json()["state"] == "parked")
        assert len(receiver.calls) == 1


def test_a_replay_sends_again_and_skips_ahead(quick: Site, receiver: Receiver) -> None:
    name = subscribed(quick, receiver, after=0)
    for _ in range(3):
        quick.deal()
    every = stored(quick)
    until(lambda: receiver.positions == every)
    again = quick.post(f"/v1/webhooks/{name}/replay", {"after": every[-3]})
    assert again.json()["position"] == every[-3]
    until(lambda: receiver.positions == [*every, *every[-2:]])
    receiver.behave = lambda _: 500
    quick.deal()
    until(lambda: quick.get(f"/v1/webhooks/{name}").json()["state"] == "failing")
    assert quick.post(f"/v1/webhooks/{name}/replay", {"after": quick.app.log.head()}).status_code == 200
    receiver.behave = lambda _: 200
    quick.deal()
    until(lambda: receiver.positions == [*every, *every[-2:], quick.app.log.head()])
    check(quick.post(f"/v1/webhooks/{name}/replay", {"after": 10**9}), 409, "not-reached", "after")
    check(quick.post(f"/v1/webhooks/{name}/replay", {}), 422, "malformed", "after")


def test_who_is_deleted_gets_nothing_more(quick: Site, receiver: Receiver) -> None:
    name = subscribed(quick, receiver)
    assert quick.client.delete(f"/v1/webhooks/{name}").status_code == 204
    quick.deal()
    time.sleep(0.3)
    assert receiver.calls == []
    assert quick.get("/v1/webhooks").json() == []
    for answer in (
        quick.get(f"/v1/webhooks/{name}"), quick.client.delete(f"/v1/webhooks/{name}"),
        quick.post(f"/v1/webhooks/{name}/resume"), quick.post(f"/v1/webhooks/{name}/replay", {"after": 0}),
    ):  # fmt: skip
        check(answer, 404, "not-found", "")


def test_a_secret_is_shown_once_and_its_file_is_for_its_owner(site: Site, receiver: Receiver) -> None:
    assert site.get("/v1/webhooks").json() == []
    file = Path(str(control_file(site.app.settings.db)))
    assert not file.exists(), "who has no webhooks has no control tables for them"
    name = subscribed(site, receiver)
    assert receiver.secret.startswith("whsec_")
    assert receiver.secret not in site.get("/v1/webhooks").text + site.get(f"/v1/webhooks/{name}").text
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(control_to_read(site.app.settings.db, site.app.log.identity())) as control:  # type: ignore[type-var]
        assert control.run("SELECT secret FROM webhooks") == [(receiver.secret,)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"url": "http://example.com/"}, "url"), ({"url": "ftp://example.com/"}, "url"), ({}, "url"),
        ({"url": "https://user:word@example.com/"}, "url"), ({"url": "https://example.com:99999/"}, "url"),
        ({"url": "https:///path"}, "url"), ({"url": "https://example.com/#part"}, "url"),
        ({"url": "http://127.0.0.1.example.com/"}, "url"), ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "https://example.com/\r\nx: y"}, "url"), ({"url": "https://[::1/"}, "url"),
        ({"url": "https://example.com/", "types": ["lead-eaten"]}, "types"),
        ({"url": "https://example.com/", "kinds": ["leads"]}, "kinds"),
        ({"url": "https://example.com/", "streams": [""]}, "streams[0]"),
        ({"url": "https://example.com/", "after": -1}, "after"),
        ({"url": "https://example.com/", "secret": "mine"}, "secret"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_webhook_is_refused(site: Site, document: dict[str, Any], field: str) -> None:
    check(site.post("/v1/webhooks", document), 422, "malformed", field)
    assert site.get("/v1/webhooks").json() == []


def test_a_position_still_to_come_is_refused(site: Site, receiver: Receiver) -> None:
    check(site.post("/v1/webhooks", {"url": receiver.url, "after": 10**9}), 409, "not-reached", "after")


def test_there_are_only_so_many(site: Site) -> None:
    for _ in range(50):
        assert site.post("/v1/webhooks", {"url": "https://localhost:1/"}).status_code == 201
    check(site.post("/v1/webhooks", {"url": "https://localhost:1/"}), 409, "rejected", "")
