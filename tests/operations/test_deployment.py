"""What is deployed is what the program knows: variables, commands and files, of the image, compose and the guide."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli.grammar import UsageError
from infra.cli.main import application
from infra.settings import PREFIX, TABLES, Settings, read_settings
from tests.cli.program import dealtrail

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HADOLINT = Path(sys.executable).parent / "hadolint"
GUIDE = (ROOT / "docs" / "how-to" / "operations.md").read_text()
FOREIGN = {"DEALTRAIL_POSTGRES_PASSWORD"}
"""What the compose file itself takes, for the database's own password."""
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "dealtrail"}


def variables() -> set[str]:
    """Every variable that the settings read."""
    own = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__ if name not in TABLES}
    tables = ((table, name) for table, struct in TABLES.items() for name in struct.__struct_fields__)
    return own | {f"{PREFIX}{table.upper()}_{name.upper()}" for table, name in tables}


def instructions() -> Iterator[tuple[str, str]]:
    """The instructions of the Dockerfile, lines joined and comments gone."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, " ".join(rest.split())


def check_known(words: list[str]) -> None:
    """Raise UsageError where the program does not take these words."""
    application().call(words)


def test_every_variable_that_is_named_anywhere_is_a_setting():
    for text in (DOCKERFILE, (ROOT / "docker-compose.yml").read_text(), GUIDE):
        named = set(re.findall(r"DEALTRAIL_[A-Z_]+[A-Z]", text)) - FOREIGN
        assert named and named <= variables(), named - variables()


def test_every_command_that_a_container_runs_is_one_and_its_settings_are_read(tmp_path: Path):
    assert set(OURS) == {"set-up", "topics", "service", "relay", "lead-intake", "read-model"}
    image = dict(pair.split("=", 1) for name, rest in instructions() if name == "ENV" for pair in shlex.split(rest))
    for service in OURS.values():
        check_known(service["command"])
        given = {
            name: value.replace("${DEALTRAIL_POSTGRES_PASSWORD:-dealtrail}", "x")
            for name, value in service["environment"].items()
        }
        settings = read_settings({**image, **given}, tmp_path / "none.toml")
        settings.check_reachable()
        assert settings.db.startswith("postgresql://") and settings.kafka.servers == "kafka:19092"
    with pytest.raises(UsageError):
        check_known(["publish"])


def test_the_image_alone_serves_a_log_in_its_volume_to_who_has_a_key(tmp_path: Path):
    image = dict(pair.split("=", 1) for name, rest in instructions() if name == "ENV" for pair in shlex.split(rest))
    settings = read_settings(image, tmp_path / "none.toml")
    settings.check_reachable()
    assert (settings.service.keys, settings.service.is_local) == (True, False)
    assert settings.db == "sqlite:////data/dealtrail.db" and settings.key_file.startswith("/data/")


def test_the_image_is_built_in_stages_from_pinned_bases_and_runs_as_nobody_special():
    steps = [*instructions()]
    bases = [rest.split()[0] for name, rest in steps if name == "FROM"]
    assert len(bases) == 2 and all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in bases)
    last = max(place for place, (name, _) in enumerate(steps) if name == "FROM")
    final = steps[last:]
    assert [rest for name, rest in final if name == "USER"] == ["10001:10001"]
    assert not [name for name, _ in final if name == "ADD"]
    users = [place for place, (name, _) in enumerate(final) if name == "USER"]
    assert not [rest for place, (name, rest) in enumerate(final) if name == "RUN" and place > users[0]]
    copied = [rest for name, rest in final if name == "COPY"]
    assert copied == ["--from=build /opt/dealtrail /opt/dealtrail"], "nothing but what was built comes along"
    assert not re.search(r"(?i)password|secret|token", DOCKERFILE)
    check_known(json.loads(next(rest for name, rest in final if name == "CMD")))
    assert json.loads(next(rest for name, rest in final if name == "ENTRYPOINT")) == ["dealtrail"]
    assert "--require-hashes" in DOCKERFILE and "requirements.lock" in DOCKERFILE


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is there for Linux alone")
def test_hadolint_has_nothing_to_say_of_the_image(tmp_path: Path):
    def said(text: str) -> str:
        (tmp_path / "Dockerfile").write_text(text)
        command = [HADOLINT, "--no-color", "--failure-threshold", "style", tmp_path / "Dockerfile"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    assert said(DOCKERFILE) == ""
    assert "DL3002" in said(DOCKERFILE.replace("USER 10001:10001", "USER root"))


def test_what_is_copied_into_the_image_is_there_and_let_through():
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, rest in instructions():
        if name == "COPY" and "--from" not in rest:
            *sources, _ = rest.split()
            for source in sources:
                assert (ROOT / source).exists() and source in let_through, source


def test_containers_of_ours_may_do_little_and_keep_what_must_be_kept():
    for service in OURS.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["data:/data"], "the master key is shared, and kept"
        for needed in service["depends_on"]:
            assert needed in COMPOSE["services"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert OURS["service"]["healthcheck"]["test"][-1].count("/readyz") == 1
    databases = re.findall(r"CREATE DATABASE (\w+);", COMPOSE["configs"]["read-model"]["content"])
    assert OURS["read-model"]["environment"]["DEALTRAIL_DB"].endswith(f"/{databases[0]}")


# The guide


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_every_command_of_the_guide_is_one():
    seen = 0
    for block in blocks("sh") + blocks("console"):
        for line in block.replace("\\\n", " ").splitlines():
            text = line.removeprefix("$ ").partition(" #")[0]
            if " dealtrail " not in f" {text} " or text.startswith("docker build"):
                continue
            words = shlex.split(text.split("dealtrail ", 1)[1].split(" >")[0].split(" |")[0])
            check_known(words)
            seen += 1
    assert seen > 10


def test_the_settings_of_the_guide_are_settings(tmp_path: Path):
    (tmp_path / "dealtrail.toml").write_text(blocks("toml")[0])
    settings = read_settings({}, tmp_path / "dealtrail.toml")
    settings.check_reachable()
    assert settings.oidc.renamed == {"sales-rep": "rep", "team-lead": "manager"}


def test_the_guide_can_be_followed_from_the_first_line_to_a_log_that_was_put_back(tmp_path: Path):
    """All but what serves for ever, and a key's prefix that nobody has."""
    for folder in ("backups", "elsewhere"):
        (tmp_path / folder).mkdir()
    left_out = ("serve", "api-key revoke")
    for block in blocks("sh"):
        for line in block.splitlines():
            text, _, into = (
                line.partition(" #")[0].replace(" /", f" {tmp_path}/").removeprefix("dealtrail ").partition(" > ")
            )
            if text.strip().startswith(left_out):
                continue
            if text.startswith("db backup"):
                assert (
                    dealtrail(*["lead", "capture", "lead-7", "--source", "web", "--name", "Ada"], folder=tmp_path).code
                    == 0
                )
            if text.startswith("db restore"):
                for file in tmp_path.glob("dealtrail.db*"):
                    if not file.name.endswith(".key"):
                        file.unlink()
            ran = dealtrail(*shlex.split(text), folder=tmp_path)
            assert ran.code == 0, (line, ran.err)
            if into:
                Path(into.strip()).write_text(ran.out)
    assert "[erased]" in dealtrail("timeline", "lead-7", folder=tmp_path).out


def test_every_measure_that_an_alert_asks_for_is_measured(tmp_path: Path):
    from infra.application.app import opened
    from infra.operations.health import Health
    from infra.operations.measures import Measures

    with opened(Settings(db=f"sqlite:///{tmp_path / 'log.db'}")) as app:
        app.dispatcher()
        health = Health(app)
        measures = Measures(app, health, lambda: ({"parked": 1}, 7))
        measures.request("GET", "/", 200, 0.1)
        text = measures.text().decode()
        health.close()
    rules: dict[str, Any] = yaml.safe_load(next(block for block in blocks("yaml") if "groups:" in block))
    asked = set[str]()
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["alert"] and rule["annotations"]["summary"]
            asked |= set(re.findall(r"dealtrail_\w+", rule["expr"]))
    optional = {"dealtrail_relay_alive", "dealtrail_relay_lag"}  # where a relay ever ran
    assert asked and all(name in text for name in asked - optional), asked
