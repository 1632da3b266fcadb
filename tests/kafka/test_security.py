"""Kafka behind TLS, passwords and certificates: who may come in does, and who may not is told why."""

import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from kafka.structs import TopicPartition

from domain.errors import Malformed, Unavailable
from infra.kafka import probe
from infra.kafka.client import admin, group_consumer, options, producer, reader
from infra.settings import Kafka
from tests.kafka.broker import free_port
from tests.kafka.guarded import PASSWORD, Guarded

SOON = 8.0  # seconds; kafka-python alone takes ten to say that it was not able to


def client(doors: Guarded) -> dict[str, str]:
    certificate, key = doors.authority.issue("client")
    return {"cert_file": str(certificate), "key_file": str(key)}


def stranger(doors: Guarded) -> dict[str, str]:
    certificate, key = doors.other.issue("stranger")
    return {"cert_file": str(certificate), "key_file": str(key)}


@pytest.mark.parametrize(
    ("door", "said"),
    [
        ("TLS", {}),
        ("MUTUAL", client),
        ("SECRET", {"mechanism": "PLAIN"}),
        ("SECRET", {"mechanism": "SCRAM-SHA-512"}),
        ("BARE", {"mechanism": "SCRAM-SHA-512"}),
    ],
    ids=["TLS", "certificates on both sides", "PLAIN in TLS", "SCRAM in TLS", "SCRAM in the clear"],
)
def test_who_may_come_in_administers_sends_and_receives(doors: Guarded, door: str, said: Any):
    kafka = doors.by(door, **(said(doors) if callable(said) else said))
    topic = f"secret-{door}-{kafka.mechanism}"
    with closing(admin(kafka)) as control:
        control.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    with closing(producer(kafka)) as sender:
        sender.send(topic, key=b"k", value=b"v").get(30)
    with closing(group_consumer(kafka, topic)) as member, closing(reader(kafka)) as alone:
        member.subscribe([topic])  # type: ignore[call-arg]
        alone.assign([TopicPartition(topic, 0)])
        alone.seek_to_beginning()
        for consumer in (member, alone):
            found: dict[Any, Any] = {}
            until = time.monotonic() + 30
            while not found and time.monotonic() < until:
                found = consumer.poll(500)
            assert [record.value for records in found.values() for record in records] == [b"v"]


REFUSED = {
    "a wrong password": ("SECRET", {"password": "guessed"}, "password"),
    "a wrong password, PLAIN": ("SECRET", {"password": "guessed", "mechanism": "PLAIN"}, "password"),
    "a wrong password in the clear": ("BARE", {"password": "guessed"}, "password"),
    "an unknown user": ("SECRET", {"user": "nobody"}, "user"),
    "a mechanism that is not offered": ("SECRET", {"mechanism": "SCRAM-SHA-256"}, "mechanism"),
    "another authority": ("TLS", lambda d: {"ca_file": str(d.other.file)}, "certificate is not to be trusted: unable"),
    "the machine's authorities": ("TLS", {"ca_file": ""}, "trusting the authorities of this machine"),
    "another host name": ("TLS", lambda d: {"servers": f"localhost:{d.ports['TLS']}"}, "valid for 'localhost'"),
    "no certificate": ("MUTUAL", {}, "it does not take our certificate: see kafka.cert_file"),
    "a stranger's certificate": ("MUTUAL", stranger, "it does not take our certificate: see kafka.cert_file"),
    "plaintext to TLS": ("TLS", {"security": "PLAINTEXT", "ca_file": ""}, "it speaks TLS there: see kafka.security"),
    "SASL in the clear to TLS": ("SECRET", {"security": "SASL_PLAINTEXT", "ca_file": ""}, "it speaks TLS there"),
    "TLS to plaintext": ("TLS", lambda d: {"servers": d.free}, "it speaks no TLS there: see kafka.security"),
    "nobody where a user is asked for": (
        "BARE", {"security": "PLAINTEXT", "mechanism": "", "user": "", "password": ""}, "it asks for a user there",
    ),
    "a user where none is asked for": ("BARE", lambda d: {"servers": d.free}, "it asks for no user there"),
    "nobody listening": ("TLS", lambda _: {"servers": f"127.0.0.1:{free_port()}"}, "nobody listens there"),
    "an unknown host": ("TLS", {"servers": "nowhere.invalid:9092"}, "there is no host of that name"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_come_in_is_soon_told_what_was_tried_and_why(doors: Guarded, case: str):
    door, said, why = REFUSED[case]
    kafka = doors.by(door, **(said(doors) if callable(said) else said))
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"no Kafka lets us in by") as raised:
        admin(kafka).close()
    assert time.monotonic() - started < SOON
    text = str(raised.value)
    assert why in text
    assert kafka.servers in text
    assert kafka.security in text
    assert kafka.user in text
    assert PASSWORD not in text
    assert "guessed" not in text


def test_a_password_is_not_shown_with_the_settings(doors: Guarded):
    assert PASSWORD not in repr(doors.by("SECRET"))
    assert "'ann'" in repr(doors.by("SECRET"))


@pytest.mark.parametrize("security", ["PLAINTEXT", "SSL"])
def test_a_broker_that_accepts_and_says_nothing_is_given_up(doors: Guarded, monkeypatch: Any, security: str):
    monkeypatch.setattr(probe, "ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kafka = Kafka(servers=f"127.0.0.1:{silent.getsockname()[1]}", security=security)  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match=r"no answer in 0.5 s"):
            admin(kafka)


def test_one_broker_of_several_is_enough(doors: Guarded):
    kafka = doors.by("TLS", servers=f"127.0.0.1:{free_port()},127.0.0.1:{doors.ports['TLS']}")
    assert probe.refused(kafka, options(kafka), 0) == ""


def passed_on(source: socket.socket, target: socket.socket) -> None:
    """All that one side says, to the other."""
    with suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
        target.shutdown(socket.SHUT_WR)


def test_those_who_run_for_long_wait_for_a_broker_that_comes_up(doors: Guarded):
    port, done = free_port(), Event()
    kafka = Kafka(servers=f"127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="nobody listens there"):
        admin(kafka)

    def come_up_late() -> None:
        """A way to the real broker that opens after a second."""
        time.sleep(1)
        with socket.create_server(("127.0.0.1", port)) as door, ExitStack() as opened:
            door.settimeout(0.1)
            while not done.is_set():
                with suppress(TimeoutError):
                    one = opened.enter_context(door.accept()[0])
                    other = opened.enter_context(socket.create_connection(("127.0.0.1", int(doors.free.split(":")[1]))))
                    for pair in ((one, other), (other, one)):
                        Thread(target=passed_on, args=pair, daemon=True).start()

    thread = Thread(target=come_up_late)
    thread.start()
    producer(kafka).close()
    done.set()
    thread.join()


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_files_of_no_use_are_named(doors: Guarded, tmp_path: Path):
    certificate, key = doors.authority.issue("somebody")
    _, other = doors.authority.issue("somebody-else")
    rubbish = written(tmp_path / "rubbish.pem", "no certificate")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"ca_file": "/nowhere/ca.pem"}, "kafka.ca_file: there is no file /nowhere/ca.pem"),
        ({"cert_file": "/nowhere/c.pem", "key_file": str(key)}, "kafka.cert_file: there is no file"),
        ({"cert_file": str(certificate), "key_file": "/nowhere/k"}, "kafka.key_file: there is no file /nowhere/k"),
        ({"ca_file": rubbish}, "kafka.ca_file: .* holds no certificates"),
        ({"cert_file": str(certificate), "key_file": str(other)}, "kafka.cert_file: .* are no certificate"),
        ({"cert_file": str(certificate), "key_file": rubbish}, "kafka.cert_file: .* are no certificate"),
        ({"servers": "127.0.0.1"}, "kafka.servers: '127.0.0.1' is no host with a port"),
        ({"servers": "a:9092,b:nine"}, "kafka.servers: 'b:nine' is no host"),
    ]
    for said, why in cases:
        with pytest.raises(Malformed, match=why):
            admin(doors.by("TLS", **said))
