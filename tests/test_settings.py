"""What an installation decides for itself, from its file and its environment."""

from pathlib import Path

import pytest

from domain.errors import Malformed
from infra.settings import TABLES, Kafka, Settings, read_settings, without_secrets
from tests.offenders import every

FILE = """
db = "postgresql://host/sales"

[kafka]
servers = "a:9092,b:9092"
security = "SASL_SSL"
mechanism = "PLAIN"
user = "ann"
password = "from the file"
replicas = 3
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "dealtrail.toml"
    file.write_text(text)
    return file


def test_nothing_said_is_a_file_here_and_no_kafka(tmp_path: Path):
    assert read_settings({}, tmp_path / "none.toml") == Settings()
    assert Settings().kafka.servers == ""


def test_the_file_says_how_kafka_is_reached(tmp_path: Path):
    found = read_settings({}, written(tmp_path, FILE))
    assert found.db == "postgresql://host/sales"
    assert found.kafka == Kafka(
        servers="a:9092,b:9092", security="SASL_SSL", mechanism="PLAIN", user="ann", password="from the file",
        replicas=3,
    )  # fmt: skip


def test_the_environment_comes_before_the_file_field_by_field(tmp_path: Path):
    environment = {
        "DEALTRAIL_KAFKA_SERVERS": "c:9092", "DEALTRAIL_KAFKA_PASSWORD": "secret", "DEALTRAIL_KAFKA_REPLICAS": "1",
        "DEALTRAIL_KAFKA_USER": "",
    }  # fmt: skip
    found = read_settings(environment, written(tmp_path, FILE)).kafka
    assert (found.servers, found.password, found.replicas) == ("c:9092", "secret", 1)
    assert (found.user, found.mechanism) == ("ann", "PLAIN")


def test_the_environment_alone_is_enough(tmp_path: Path):
    environment = {
        "DEALTRAIL_KAFKA_SERVERS": "c:9092", "DEALTRAIL_KAFKA_SECURITY": "SSL", "DEALTRAIL_KAFKA_CA_FILE": "ca.pem",
        "DEALTRAIL_KAFKA_CERT_FILE": "c.pem", "DEALTRAIL_KAFKA_KEY_FILE": "k.pem", "DEALTRAIL_KAFKA_SOURCE": "/sales",
    }  # fmt: skip
    wanted = Kafka(
        servers="c:9092", security="SSL", ca_file="ca.pem", cert_file="c.pem", key_file="k.pem", source="/sales"
    )
    assert read_settings(environment, tmp_path / "none.toml").kafka == wanted


@every(
    ("said", "why"),
    [
        ({"SECURITY": "TLS"}, "security"),
        ({"SECURITY": "SASL_SSL"}, "needs kafka.mechanism, kafka.user and kafka.password"),
        ({"MECHANISM": "PLAIN"}, "PLAIN needs kafka.security SASL_SSL"),
        ({"SECURITY": "SSL", "CERT_FILE": "c.pem"}, "a certificate needs kafka.key_file"),
        ({"CA_FILE": "ca.pem"}, "kafka.ca_file: TLS needs kafka.security SSL, or SASL_SSL, not PLAINTEXT"),
        ({"REPLICAS": "0"}, "kafka.replicas: at least one broker"),
        ({"REPLICAS": "many"}, "replicas"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(tmp_path: Path, said: dict[str, str], why: str):
    environment = {f"DEALTRAIL_KAFKA_{name}": value for name, value in said.items()}
    with pytest.raises(Malformed, match=why):
        read_settings(environment, tmp_path / "none.toml")


def test_a_field_that_does_not_exist_is_refused(tmp_path: Path):
    with pytest.raises(Malformed, match="brokers"):
        read_settings({}, written(tmp_path, '[kafka]\nbrokers = "a:9092"'))


def test_a_refusal_does_not_show_the_password(tmp_path: Path):
    said = {"DEALTRAIL_KAFKA_PASSWORD": "sesame", "DEALTRAIL_KAFKA_SECURITY": "SASL_SSL"}
    with pytest.raises(Malformed) as raised:
        read_settings(said, tmp_path / "none.toml")
    assert "sesame" not in str(raised.value)
    assert "sesame" not in repr(Kafka(password="sesame"))


@every(
    "content",
    [b"db = '\xff'", b"a = " + b"[" * 5000 + b"]" * 5000, b"rows = " + b"9" * 5000],
    ids=["no text", "deep", "digits"],
)
def test_a_file_that_cannot_be_read_is_malformed_and_named(tmp_path: Path, content: bytes):
    (tmp_path / "dealtrail.toml").write_bytes(content)
    with pytest.raises(Malformed, match=r"dealtrail\.toml"):
        read_settings({}, tmp_path / "dealtrail.toml")


def test_a_section_that_is_none_is_malformed_also_where_the_environment_adds_to_it(tmp_path: Path):
    (tmp_path / "dealtrail.toml").write_text("kafka = 7")
    with pytest.raises(Malformed, match=r"dealtrail\.toml"):
        read_settings({"DEALTRAIL_KAFKA_SERVERS": "localhost:9092"}, tmp_path / "dealtrail.toml")


def test_the_service_and_its_issuer_are_told_by_file_and_environment(tmp_path: Path):
    file = written(tmp_path, '[service]\nport = 9000\n[oidc]\nissuer = "https://id.example"\naudience = "sales"\n')
    found = read_settings({"DEALTRAIL_SERVICE_KEYS": "true", "DEALTRAIL_OIDC_LEEWAY_SECONDS": "5"}, file)
    assert (found.service.port, found.service.keys, found.service.host) == (9000, True, "127.0.0.1")
    assert (found.oidc.issuer, found.oidc.leeway_seconds, found.authenticates) == ("https://id.example", 5, True)
    assert not Settings().authenticates


@every(
    ("environment", "why"),
    [
        ({"DEALTRAIL_SERVICE_PORT": "70000"}, "port"),
        ({"DEALTRAIL_SERVICE_KEYS": "perhaps"}, "keys"),
        ({"DEALTRAIL_SERVICE_LOGS": "xml"}, "logs"),
        ({"DEALTRAIL_SERVICE_LAG": "-1"}, "lag"),
        ({"DEALTRAIL_OIDC_LEEWAY_SECONDS": "3600"}, "leeway_seconds"),
        ({"DEALTRAIL_OIDC_ISSUER": "https://id.example"}, "oidc.audience"),
    ],
)
def test_a_setting_of_the_service_that_is_none_is_refused_by_name(
    tmp_path: Path, environment: dict[str, str], why: str
):
    with pytest.raises(Malformed, match=why):
        read_settings(environment, tmp_path / "none.toml")


def test_no_form_of_the_settings_prints_a_password():
    secret = "gehe1m"
    settings = Settings(
        db=f"postgresql://ann:{secret}@host/sales",
        kafka=Kafka(security="SASL_SSL", mechanism="PLAIN", user="u", password=secret),
    )
    assert secret not in repr(settings) + str(settings) + repr(without_secrets(settings))
    for odd in (f"mysql://a:{secret}@b/c", f"postgresql://a:{secret}@@b", secret):
        assert secret not in repr(without_secrets(Settings(db=odd))), odd


def test_whatever_is_called_a_secret_or_a_password_is_shown_by_nothing():
    secret, sealed = "gehe1m-gehe1m-gehe1m", 0
    for table, struct in TABLES.items():
        for name in struct.__struct_fields__:
            if "secret" in name or "password" in name:
                more = {"security": "SASL_SSL", "mechanism": "PLAIN", "user": "u"} if table == "kafka" else {}
                settings = Settings(**{table: struct(**{name: secret, **more})})
                assert secret not in repr(settings) + repr(without_secrets(settings)), (table, name)
                sealed += 1
    assert sealed >= 3
