"""A real Apache Kafka on loopback: one node in one JVM, killed, frozen and started again as a test likes."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from fcntl import LOCK_EX, flock
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).parent
JARS = HERE.parents[1] / ".kafka"  # outside of what is committed; fetched once
STARTUP = 60.0  # seconds
JVM = ("-Xmx320m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR")


def missing() -> str:
    """Why no broker can be started here; empty where one can."""
    return next((f"there is no {tool} here" for tool in ("java", "mvn") if not shutil.which(tool)), "")


def jars() -> Path:
    """The folder of Kafka's jars, fetched by Maven the first time."""
    JARS.mkdir(exist_ok=True)
    with (JARS / "lock").open("w") as lock:  # tests run side by side
        flock(lock, LOCK_EX)
        if not (JARS / "complete").exists():
            goal = ("dependency:copy-dependencies", f"-DoutputDirectory={JARS}", "-DincludeScope=runtime")
            command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            (JARS / "complete").touch()
    return JARS


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """One broker with its own data, which outlive a kill.

    listeners: more of them by name, each with its port, the port that clients are told, and its security protocol.
    settings: more server properties. users: SCRAM-SHA-512 passwords by user. only: these server properties and no
    others, among them a listener at `port`.
    """

    def __init__(
        self,
        folder: Path,
        listeners: Mapping[str, tuple[int, int, str]] | None = None,
        settings: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
        only: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.folder, self.port = folder, port or free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._classpath = f"{jars()}/*"
        controller = free_port()
        all_listeners = {"PLAIN": (self.port, self.port, "PLAINTEXT"), **(listeners or {})}
        protocols = {name: protocol for name, (_, _, protocol) in all_listeners.items()} | {"CONTROLLER": "PLAINTEXT"}
        ports = {name: port for name, (port, _, _) in all_listeners.items()} | {"CONTROLLER": controller}
        told = {name: port for name, (_, port, _) in all_listeners.items()}
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in told.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{what}" for name, what in protocols.items()),
            "log.dirs": str(folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "2097152",
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "300",
            **(settings or {}),
        }
        self.file = folder / "server.properties"
        self.file.write_text("".join(f"{name}={value}\n" for name, value in (only or properties).items()))
        scram = [f"SCRAM-SHA-512=[name={user},password={word}]" for user, word in (users or {}).items()]
        added = [argument for each in scram for argument in ("--add-scram", each)]
        identity = str(uuid4())
        self._java("kafka.tools.StorageTool", "format", "-t", identity, "-c", str(self.file), *added).wait()

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._java("kafka.Kafka", str(self.file))
        until = time.monotonic() + STARTUP
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "broker.log").read_text()[-2000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it in its tracks."""
        if self._process:
            os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process:
            os.kill(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        """Whether it serves requests: it opens its port before it does."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2):
                pass
            with KafkaAdminClient(bootstrap_servers=self.servers, bootstrap_timeout_ms=2000) as admin:
                admin.list_topics()
            return True
        except (OSError, KafkaError):
            return False

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "broker.log").open("ab")
        command = ["java", *JVM, "-cp", self._classpath, *arguments]
        with log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
