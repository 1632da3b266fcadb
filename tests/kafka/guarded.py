"""A broker with every lock that we can open: TLS, certificates of clients, passwords in the clear and by challenge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from infra.settings import Kafka
from tests.kafka.broker import Broker, free_port
from tests.kafka.certificates import Authority

PASSWORD = "open sesame: or so"
PRINCIPALS = (
    "dealtrail-operator", "dealtrail-relay", "dealtrail-read-model", "dealtrail-intake", "dealtrail-clerk", "website",
    "analyst",
)  # fmt: skip
PROTOCOLS = {
    "TLS": "SSL", "MUTUAL": "SSL", "SECRET": "SASL_SSL", "BARE": "SASL_PLAINTEXT",
}  # fmt: skip
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="{PASSWORD}";'


class Guarded(NamedTuple):
    """How its doors are reached, and whom to trust."""

    ports: dict[str, int]
    authority: Authority
    other: Authority
    free: str

    def by(self, door: str, **said: str) -> Kafka:
        """The settings for a door: trusting its authority, as ann, unless said otherwise."""
        usual = {"servers": f"127.0.0.1:{self.ports[door]}", "security": PROTOCOLS[door]}
        if "SSL" in PROTOCOLS[door]:
            usual["ca_file"] = str(self.authority.file)
        if "SASL" in PROTOCOLS[door]:
            usual |= {"mechanism": "SCRAM-SHA-512", "user": "ann", "password": PASSWORD}
        return Kafka(**{**usual, **said})  # type: ignore[arg-type]


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """The broker in a folder. ann may do everything, as may who comes without a name; the others what is granted."""
    authority, other = Authority(folder, "authority"), Authority(folder, "other")
    store = folder / "broker.pem"
    certificate, key = authority.issue("broker")
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    ports = {name: free_port() for name in PROTOCOLS}
    listeners = {name: (ports[name], ports[name], protocol) for name, protocol in PROTOCOLS.items()}
    properties = {
        "ssl.keystore.type": "PEM", "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM", "ssl.truststore.location": str(authority.file),
        "listener.name.mutual.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:ann;User:CN=client",
    }  # fmt: skip
    for name in ("secret", "bare"):
        properties |= {
            f"listener.name.{name}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"listener.name.{name}.scram-sha-512.sasl.jaas.config": SCRAM,
            f"listener.name.{name}.plain.sasl.jaas.config": PLAIN,
        }
    home = folder / "kafka"
    home.mkdir()
    with Broker(home, listeners, properties, dict.fromkeys(("ann", *PRINCIPALS), PASSWORD)) as broker:
        yield Guarded(ports, authority, other, broker.servers)
