# pyright: basic
"""Finds out why a broker does not let us in: the client itself only says that it was not able to."""

import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from kafka.errors import (
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from infra.settings import Kafka

ANSWER = 10.0  # seconds until a broker that accepts a connection and says nothing is given up
AGAIN = 0.25  # seconds between two tries


class Refused(NamedTuple):
    """Why a broker did not let us in, and whether that is so for good."""

    why: str
    final: bool


def refused(kafka: Kafka, options: Mapping[str, Any], patience: float) -> str:
    """Why none of the brokers lets us in; empty where one does.

    What may pass, as where nobody listens yet, is tried again for so many seconds; a wrong password is not.
    """
    until = time.monotonic() + patience
    while True:
        found = dict[str, Refused]()
        for server in options["bootstrap_servers"]:
            answer = probe_broker(kafka, {**options, "bootstrap_servers": [server]})
            if answer is None:
                return ""
            found[server] = answer
        if all(each.final for each in found.values()) or time.monotonic() > until:
            return "; ".join(f"{server}: {each.why}" for server, each in found.items())
        time.sleep(AGAIN)


def probe_broker(kafka: Kafka, options: Mapping[str, Any]) -> Refused | None:
    """Why a broker refuses us, or None where it lets us in."""
    return try_connection(options["bootstrap_servers"][0], options["ssl_context"]) or try_request(kafka, options)


def try_connection(server: str, context: ssl.SSLContext | None) -> Refused | None:
    """Whether it can be reached, and speaks TLS as we do where a context is given."""
    host, _, port = server.rpartition(":")
    name = host.strip("[]")
    try:
        with socket.create_connection((name, int(port)), ANSWER) as plain:
            if context:
                with context.wrap_socket(plain, server_hostname=name):
                    return None
    except socket.gaierror:
        return Refused("there is no host of that name", True)
    except ConnectionRefusedError:
        return Refused("nobody listens there", False)
    except TimeoutError:
        return Refused(f"no answer in {ANSWER:g} s", False)
    except ssl.SSLCertVerificationError as error:
        return Refused(f"its certificate is not to be trusted: {error.verify_message}", True)
    except (ssl.SSLError, ConnectionResetError):
        return Refused("it speaks no TLS there: see kafka.security", False)
    except OSError as error:
        return Refused(error.strerror or str(error), False)
    return None


def try_request(kafka: Kafka, options: Mapping[str, Any]) -> Refused | None:
    """Say who we are and ask one question, as the client does."""
    loop: Any = NetworkSelector()
    manager: Any = KafkaConnectionManager(loop, **options)
    entered = False

    async def enter() -> None:
        nonlocal entered
        node, wait = manager.cluster.bootstrap_brokers()[0].node_id, ANSWER * 1000
        connection = manager.get_connection(node, wait, pop_on_close=False, refresh_metadata_on_err=False)
        await manager.wait_for(connection.init_future, wait)
        entered = True
        await manager.wait_for(manager.call_soon(manager.cluster.refresh_metadata, node), wait)

    try:
        loop.run(enter)
    except (KafkaError, OSError) as error:
        return explained(kafka, options["bootstrap_servers"][0], error, entered)
    finally:
        for connection in list(manager._conns.values()):
            if connection.transport:
                connection.transport.abort()  # closing would leave what is not written yet to a loop that ends here
        manager.close()
        loop.close()
    return None


def explained(kafka: Kafka, server: str, error: Exception, entered: bool) -> Refused:
    """What an error means to whoever wrote the settings. entered: whether we were let in before it came."""
    text = str(error) or type(error).__name__
    hung_up, tls = "disconnected" in text, "SSL" in kafka.security
    match error:
        case SaslAuthenticationFailedError():
            return Refused("it knows no such user, or the password is wrong", True)
        case UnsupportedSaslMechanismError():
            return Refused(f"it does not take {kafka.mechanism}: see kafka.mechanism", True)
        case IllegalSaslStateError():
            return Refused("it asks for no user there: see kafka.security", True)
        case KafkaTimeoutError() | RequestTimedOutError():
            return Refused(f"no answer in {ANSWER:g} s", False)
        case _ if "ALERT" in text:  # only now: TLS 1.3 shows our certificate after the handshake
            said = text.partition("] ")[2].partition(" (_ssl")[0]
            return Refused(f"it does not take our certificate: see kafka.cert_file ({said})", True)
        case _ if hung_up and entered and not kafka.mechanism:
            return Refused("it asks for a user there: see kafka.security", True)
        case _ if (hung_up or isinstance(error, InvalidReceiveError)) and not tls and speaks_tls(server):
            return Refused("it speaks TLS there: see kafka.security", True)
        case _ if hung_up and kafka.mechanism and not entered:  # the client may lose the answer that came before
            return Refused("it hung up when we said who we are: the user, the password or the mechanism is wrong", True)
        case _:
            return Refused(text, False)


def speaks_tls(server: str) -> bool:
    """Whether whoever listens there answers a greeting in TLS, whatever the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return try_connection(server, context) is None
