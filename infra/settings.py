"""What an installation decides for itself: a TOML file, overridden by the environment, overridden by the caller."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from domain.errors import Malformed
from infra.store.places import place, sqlite_file

FILE = Path("dealtrail.toml")
PREFIX = "DEALTRAIL_"
DAY = 86_400_000_000  # microseconds


class Kafka(Struct, frozen=True, forbid_unknown_fields=True):
    """How Apache Kafka is reached: the table [kafka], or DEALTRAIL_KAFKA_SERVERS and so on.

    servers: host:port, several separated by commas; empty where there is no Kafka. security, mechanism, user,
    password: as the listener wants them. ca_file: whom to trust, where not the machine's own authorities; cert_file
    and key_file: who we are, where the listener asks for a certificate. source: what each message names as its origin.
    replicas: how many brokers keep each topic that we create.
    """

    servers: str = ""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    user: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    source: str = "/dealtrail"
    replicas: int = 1

    def __post_init__(self) -> None:
        if self.security.startswith("SASL_") and not (self.mechanism and self.user and self.password):
            raise Malformed(f"kafka.security: {self.security} needs kafka.mechanism, kafka.user and kafka.password")
        if self.mechanism and not self.security.startswith("SASL_"):
            raise Malformed(f"kafka.mechanism: {self.mechanism} needs kafka.security SASL_SSL, or SASL_PLAINTEXT")
        if bool(self.cert_file) != bool(self.key_file):
            raise Malformed("kafka.cert_file: a certificate needs kafka.key_file, and the other way round")
        if (self.ca_file or self.cert_file) and "SSL" not in self.security:
            field = "ca_file" if self.ca_file else "cert_file"
            raise Malformed(f"kafka.{field}: TLS needs kafka.security SSL, or SASL_SSL, not {self.security}")
        if self.replicas < 1:
            raise Malformed("kafka.replicas: at least one broker has to keep a topic")

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name != "password"}
        return f"Kafka({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings, by their names in dealtrail.toml; DEALTRAIL_DB and so on in the environment come first.

    db: where the log is, `sqlite:///FILE` or `postgresql://…`. key_file: the master key that personal fields are
    sealed under, one for each log; empty means beside an SQLite log (`FILE.key`), or in the user's folder for data,
    named after a PostgreSQL database and its log. actor: who asks; empty means the user logged in. clock_ahead_days,
    confirm_clock: nothing is recorded more than so many days after the last record, unless the clock is confirmed.
    kafka: where events are published and read.
    """

    db: str = "sqlite:///dealtrail.db"
    key_file: str = ""
    actor: str = ""
    clock_ahead_days: Annotated[float, Meta(gt=0, le=36_500)] = 1
    confirm_clock: bool = False
    kafka: Kafka = Kafka()

    def key_path(self, identity: Callable[[], str]) -> Path:
        """The file of the master key of a log that says its identity, wherever it is asked from."""
        if self.key_file:
            return Path(self.key_file).absolute()
        if file := sqlite_file(self.db):
            log = Path(file).resolve()
            return log.with_name(f"{log.name}.key")
        from urllib.parse import quote, unquote, urlsplit

        database = quote(unquote(urlsplit(self.db).path.strip("/")), safe="") or "postgresql"
        return user_folder() / f"{database}-{identity()}.key"

    @property
    def clock_ahead(self) -> int | None:
        """The microseconds that may pass between two records without confirmation; None where that is given."""
        return None if self.confirm_clock else round(self.clock_ahead_days * DAY)

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__} | {"db": place(self.db)}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def who(self) -> str:
        """Who asks, where nobody says otherwise."""
        from getpass import getuser  # takes its time to load

        return self.actor or getuser()


def user_folder() -> Path:
    """Where the key files of logs on PostgreSQL lie, one folder for each user of the machine."""
    try:
        return Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()) / "dealtrail"
    except RuntimeError as error:
        raise Malformed(f"key_file: this user has no home folder to keep one in: {error}") from error


def read_settings(environment: Mapping[str, str] = os.environ, file: Path = FILE, **given: str | None) -> Settings:
    """The settings of this installation; what is `given` and not None comes first. Malformed names a bad one."""
    import tomllib  # takes its time to load

    try:
        values = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        values |= _from_environment(environment, PREFIX, Settings)
        if kafka := _from_environment(environment, f"{PREFIX}KAFKA_", Kafka):
            values["kafka"] = {**msgspec.convert(values.get("kafka", {}), dict[str, object]), **kafka}
        values |= {name: value for name, value in given.items() if value is not None}
        return msgspec.convert(values, Settings, strict=False)
    except (ValueError, RecursionError, msgspec.ValidationError, OSError) as error:  # TOML's, too many digits
        raise Malformed(f"{file}: {error}") from error


def _from_environment(environment: Mapping[str, str], prefix: str, struct: type[Struct]) -> dict[str, str]:
    """The fields that the environment names."""
    names = struct.__struct_fields__
    return {name: environment[prefix + name.upper()] for name in names if environment.get(prefix + name.upper())}
