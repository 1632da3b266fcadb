"""Every field and every option has a meaning, its unit and an example, and every example is one."""

import shlex
from typing import Any

import msgspec
import pytest

from domain import COMMANDS
from infra.application.meanings import ENVELOPE, FIELDS, SPECIAL, meaning_of
from infra.application.names import COMMANDS_OF
from infra.application.requests import parse_command
from infra.cli.commands import tag_of
from infra.cli.grammar import Argument
from infra.cli.helping import meaning, verbs_of
from infra.cli.main import application, run
from tests.offenders import every

VERBS = dict(verbs_of(application()))
UNITS = {
    "An amount with its currency": ("amount", "unit_price", "replaces"),
    "From 0 to 1": ("probability", "discount"),
    "A date": ("close_date", "due", "start", "end", "day", "until"),
    "ISO 4217": ("base", "quote"),
    "units": ("quantity", "rate"),
    "month": ("fiscal_year_start",),
    "by its version": ("version",),
}
"""What help says of the unit of a field, by what it says."""
COUNTED = (
    "rows", "deals", "events", "position", "processes", "seed", "leads", "day", "days", "version",
    "weeks", "port", "records",
)  # fmt: skip
"""What a whole number counts, or is the number of."""


@every("tag", COMMANDS)
def test_the_examples_of_a_command_are_a_command(tag: str) -> None:
    command = COMMANDS[tag]
    body = {field.encode_name: meaning_of(command, field.name).example for field in msgspec.structs.fields(command)}
    assert tag_of(type(parse_command(tag, body))) == tag


def test_no_meaning_is_left_over_and_each_is_a_sentence() -> None:
    known = {(tag, field.name) for tag, command in COMMANDS.items() for field in msgspec.structs.fields(command)}
    assert set(SPECIAL) <= known
    general = {name for tag, name in known if (tag, name) not in SPECIAL}
    assert general <= set(FIELDS), f"infra/application/meanings.py: say what {general - set(FIELDS)} mean"
    assert set(FIELDS) <= general
    for text, _ in (*FIELDS.values(), *SPECIAL.values(), *ENVELOPE.values()):
        assert text[0].isupper() and text.endswith((".", ")")), text


@every("path", VERBS, ids=" ".join)
def test_every_option_has_a_meaning_and_one_that_takes_a_value_an_example(path: tuple[str, ...]) -> None:
    for each in VERBS[path].arguments():
        name = each.name or each.title
        assert len(each.help) > 5, (path, name)
        known = each.is_flag or each.choices or each.example or each.default not in (None, "", ())
        assert known, (path, name, "has no example, and nothing that it is by default")
        assert each.kind is not int or any(unit in each.help for unit in COUNTED), (path, name)


def options_of(field: str) -> list[Argument]:
    """The options of a field, of every verb that has it."""
    derived = [VERBS[noun, verb] for noun, verbs in COMMANDS_OF.items() for verb in verbs]
    return [each for verb in derived for each in verb.arguments() if each.path == (field,)]


@every(("said", "names"), UNITS.items(), ids=str)
def test_every_field_with_a_unit_says_it(said: str, names: tuple[str, ...]) -> None:
    for name in names:
        assert options_of(name)
        assert all(said in option.help for option in options_of(name)), name


def test_the_examples_of_a_verb_can_be_typed_as_they_stand(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", "sqlite:///log.db")
    for name in ("stages", "criteria", "shares"):
        examples = FIELDS[name].example
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(examples))
    for noun, verbs in COMMANDS_OF.items():
        for verb in verbs:
            options = [each for each in VERBS[noun, verb].arguments() if each.group == "Options"]
            words = [
                word for each in options if not each.positional for word in (each.name, *shlex.split(each.example))
            ]
            code = run([noun, verb, *(shlex.split(each.example)[0] for each in options if each.positional), *words])
            err = capsys.readouterr().err
            assert code in (0, 3, 4), (noun, verb, err)  # well-formed, whether or not there is such a deal


def test_help_shows_meaning_unit_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    [price] = options_of("unit_price")
    text = "What one unit costs before the discount. An amount with its currency. Required. Example: '1,250.00 EUR'"
    assert meaning(price) == text
    assert run(["opportunity", "set-line-item", "--help"]) == 0
    assert text in " ".join(capsys.readouterr().out.split())
