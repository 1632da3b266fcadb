"""What an installation decides for itself: a TOML file, overridden by the environment, overridden by the caller."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from domain.errors import Malformed
from infra.store.places import bare, place, sqlite_file

FILE = Path("dealtrail.toml")
PREFIX = "DEALTRAIL_"
ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")
SECRET = 16  # characters of a secret at the least
DAY = 86_400_000_000  # microseconds
ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Those that tokens can be signed by: with a key of the issuer's alone, never with a secret that is shared."""
HIDDEN = "********"


class Kafka(Struct, frozen=True, forbid_unknown_fields=True):
    """How Apache Kafka is reached: the table [kafka], or DEALTRAIL_KAFKA_SERVERS and so on.

    servers: the brokers, as host:port, several separated by commas; empty where there is no Kafka. security: what their
    listener speaks. mechanism: how a listener with SASL has us show who we are. user, password: who we are to it.
    ca_file: a file with the authorities to trust, where not the machine's own. cert_file, key_file: our certificate and
    its key, where the listener asks for one. source: what each message names as its origin. replicas: how many brokers
    keep each topic that we create.
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


class Oidc(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose access tokens are taken: the table [oidc], or DEALTRAIL_OIDC_ISSUER and so on; no issuer, no tokens.

    issuer: its URL, exactly as tokens say it. audience: for whom tokens must be meant. jwks_url: where its keys are,
    empty where its own document says so. algorithms: those that a token may be signed by, separated by commas.
    leeway_seconds: by how much clocks may differ. actor_claim: the claim that names who acts; it must be one that
    people cannot change themselves. owner_claim: the claim that names the seller they are in the log. roles_claim: the
    claim that lists roles; a path such as `realm_access.roles` will do. scopes_claim: the claim that lists a service's
    scopes, or a path to it. roles: their names of roles for ours, such as `sales-rep=rep,team-lead=manager`. client_id:
    who we are to the issuer where people sign in to the pages through it; without one they sign in by a key.
    client_secret: what we show the issuer then.
    """

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    algorithms: str = "RS256,ES256,EdDSA"
    leeway_seconds: Annotated[int, Meta(ge=0, le=300)] = 30
    actor_claim: str = "sub"
    owner_claim: str = "owner"
    roles_claim: str = "roles"
    scopes_claim: str = "scope"
    roles: str = ""
    client_id: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name != "client_secret"}
        return f"Oidc({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __post_init__(self) -> None:
        if self.issuer and not self.audience:
            raise Malformed("oidc.audience: an issuer's tokens need an audience, or those meant for others open us too")
        for field, url in (("issuer", self.issuer), ("jwks_url", self.jwks_url)):
            if url and not _is_fetchable(url):
                raise Malformed(f"oidc.{field}: keys are fetched by https://, or by http:// from this machine alone")
        if unknown := {*self.allowed} - {*ALGORITHMS} or not self.allowed:
            names = ", ".join(sorted(unknown)) if isinstance(unknown, set) else "none"
            raise Malformed(f"oidc.algorithms: {names} cannot be allowed; there are: {', '.join(ALGORITHMS)}")
        if any(not theirs or not ours for theirs, ours in self.renamed.items()):
            raise Malformed("oidc.roles: say THEIRS=OURS, several separated by commas")

    @property
    def allowed(self) -> tuple[str, ...]:
        """The algorithms that a token may be signed by."""
        return tuple(name.strip() for name in self.algorithms.split(",") if name.strip())

    @property
    def renamed(self) -> dict[str, str]:
        """Our names of roles by theirs."""
        pairs = (each.partition("=") for each in self.roles.split(",") if each.strip())
        return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """How the service is served: the table [service], or DEALTRAIL_SERVICE_HOST and so on.

    host: the address at which it listens; beyond this machine only where callers are authenticated. port: the port at
    which it listens. keys: whether API keys open it. lag: how many facts the tables may be behind the log while it says
    that it is ready. rate: how often one caller may ask in a minute. logs: one JSON object a line, or lines for people.
    session_secret: what processes that serve one site seal the sessions of browsers with; left empty, a session ends
    with its process. origin: the address at which browsers reach it where a proxy stands before it, such as
    https://sales.example; empty where none does.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    keys: bool = False
    lag: Annotated[int, Meta(ge=0)] = 10_000
    rate: Annotated[int, Meta(ge=1)] = 60_000
    logs: Literal["json", "text"] = "json"
    session_secret: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        if self.origin and not ORIGIN.fullmatch(self.origin):
            raise Malformed(f"service.origin: {self.origin!r} is not an address such as https://sales.example")
        if self.session_secret and len(self.session_secret) < SECRET:
            raise Malformed(f"service.session_secret: a secret has {SECRET} characters at least")

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name != "session_secret"}
        return f"Service({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return is_loopback(self.host)


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings, by their names in dealtrail.toml; DEALTRAIL_DB and so on in the environment come first.

    db: where the log is, `sqlite:///FILE` or `postgresql://…`. key_file: the master key that personal fields are
    sealed under, one for each log; empty means beside an SQLite log (`FILE.key`), or in the user's folder for data,
    named after a PostgreSQL database and its log. actor: who asks at the terminal; empty means the user logged in.
    clock_ahead_days: nothing is recorded more than so many days after the last record. confirm_clock: the clock is
    right, however long the log was idle.
    kafka: where events are published and read. oidc: whose tokens are taken. service: how the service is served.
    """

    db: str = "sqlite:///dealtrail.db"
    key_file: str = ""
    actor: str = ""
    clock_ahead_days: Annotated[float, Meta(gt=0, le=36_500)] = 1
    confirm_clock: bool = False
    kafka: Kafka = Kafka()
    oidc: Oidc = Oidc()
    service: Service = Service()

    def check_reachable(self) -> None:
        """Raise Malformed where the service would let in anybody from elsewhere."""
        if not self.service.is_local and not self.authenticates:
            raise Malformed(
                f"service.host: {self.service.host} is reached from elsewhere, where anybody would be let in: "
                "configure oidc.issuer, or service.keys, or stay on 127.0.0.1"
            )

    @property
    def authenticates(self) -> bool:
        """Whether callers of the service must show who they are."""
        return bool(self.oidc.issuer or self.service.keys)

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


TABLES: dict[str, type[Struct]] = {"kafka": Kafka, "oidc": Oidc, "service": Service}
"""The tables of the file, each of which is a struct of its own."""


def without_secrets(settings: Settings) -> dict[str, Any]:
    """The settings as they may be shown: no password, and of a database's URL its place alone."""
    shown: dict[str, Any] = msgspec.to_builtins(settings)
    shown["db"] = bare(settings.db)
    if settings.kafka.password:
        shown["kafka"]["password"] = HIDDEN
    for table, name in (("oidc", "client_secret"), ("service", "session_secret")):
        if shown[table][name]:
            shown[table][name] = HIDDEN
    return shown


def _is_fetchable(url: str) -> bool:
    """Whether keys may be fetched from a URL: nobody on the way can put others there, and it holds no password."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    from ipaddress import ip_address  # takes its time to load

    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


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
        for table, struct in TABLES.items():
            if told := _from_environment(environment, f"{PREFIX}{table.upper()}_", struct):
                values[table] = {**msgspec.convert(values.get(table, {}), dict[str, object]), **told}
        values |= {name: value for name, value in given.items() if value is not None}
        return msgspec.convert(values, Settings, strict=False)
    except (ValueError, RecursionError, msgspec.ValidationError, OSError) as error:  # TOML's, too many digits
        raise Malformed(f"{file}: {error}") from error


def _from_environment(environment: Mapping[str, str], prefix: str, struct: type[Struct]) -> dict[str, str]:
    """The fields that the environment names."""
    names = struct.__struct_fields__
    return {name: environment[prefix + name.upper()] for name in names if environment.get(prefix + name.upper())}
