"""docker-compose.yml is valid, and its Kafka is one that starts and passes messages on: as far as can be told here."""

import re
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from subprocess import run

import yaml

from infra.kafka import client
from infra.settings import Kafka
from tests.cli.program import ROOT
from tests.kafka.broker import Broker, free_port

FILE = ROOT / "docker-compose.yml"
SERVICE = yaml.safe_load(FILE.read_text())["services"]["kafka"]
OUTSIDE = "127.0.0.1:9092"
SIGNS = {"_": ".", "__": "_", "___": "-"}


def properties(variables: Mapping[str, str]) -> dict[str, str]:
    """The server properties that the image makes of its variables: KAFKA_A_B is a.b, __ is _, and ___ is -."""
    names = {name: name.removeprefix("KAFKA_").lower() for name in variables if name.startswith("KAFKA_")}
    return {re.sub("_{1,3}", lambda found: SIGNS[found[0]], to): variables[name] for name, to in names.items()}


def here(variables: Mapping[str, str], folder: Path) -> tuple[dict[str, str], dict[str, int]]:
    """The same on this machine alone, on ports that are free, with those ports by the ones in the file."""
    ports: dict[str, int] = {}

    def moved(found: re.Match[str]) -> str:
        return f"127.0.0.1:{ports.setdefault(found[1], free_port())}"

    made = {name: re.sub(r"(?:kafka|127\.0\.0\.1)?:(\d{4,5})\b", moved, value) for name, value in variables.items()}
    return made | {"log.dirs": str(folder / "data")}, ports


def check(file: Path) -> int:
    """The exit code of the check by the specification of compose files."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return run(command, check=False, capture_output=True).returncode


def test_the_file_is_what_the_specification_says_and_a_slip_would_be_seen(tmp_path: Path):
    assert check(FILE) == 0
    slip = tmp_path / "compose.yml"
    slip.write_text(FILE.read_text().replace("healthcheck:", "health_check:"))
    assert check(slip) == 1


def test_everything_listens_on_this_machine_alone_and_says_whether_it_is_well():
    services = yaml.safe_load(FILE.read_text())["services"]
    for name in ("postgres", "kafka"):
        service = services[name]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"
        [volume] = service["volumes"]
        assert volume.split(":")[0] in yaml.safe_load(FILE.read_text())["volumes"]


def test_the_volume_is_where_the_broker_keeps_its_log():
    assert properties(SERVICE["environment"])["log.dirs"] in [each.split(":")[1] for each in SERVICE["volumes"]]
    assert SERVICE["healthcheck"]["test"][-1] == OUTSIDE


def test_the_variables_become_properties_by_the_rule_of_the_image():
    given = {"KAFKA_NODE_ID": "1", "KAFKA_A__B_C___D": "x", "CLUSTER_ID": "y"}
    assert properties(given) == {"node.id": "1", "a_b.c-d": "x"}


def test_the_real_broker_starts_with_these_variables_and_passes_a_message_from_outside_to_inside(
    java: None, tmp_path: Path
):
    only, ports = here(properties(SERVICE["environment"]), tmp_path)
    with Broker(tmp_path, only=only, port=ports["9092"]) as broker:
        outside, inside = Kafka(servers=broker.servers), Kafka(servers=f"127.0.0.1:{ports['19092']}")
        with closing(client.admin(outside)) as admin:
            admin.create_topics({"greetings": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        with closing(client.producer(outside)) as producer:
            producer.send("greetings", b"hello").get(30)
        with closing(client.group_consumer(inside, "listeners")) as consumer:
            consumer.subscribe(["greetings"])
            found: list[bytes] = []
            until = time.monotonic() + 60
            while not found and time.monotonic() < until:
                found += [message.value for each in consumer.poll(500).values() for message in each]
    assert found == [b"hello"]
    assert set(ports) == {"9092", "9093", "19092"}, "all three listeners were moved here"
