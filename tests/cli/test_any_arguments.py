"""Whatever is written behind a verb, it ends with a documented exit code, and never in the last resort."""

import json
import random
from pathlib import Path

import pytest

from infra.cli.grammar import App
from infra.cli.helping import verbs_of
from infra.cli.main import CODES, application, run
from tests.thorough import examples

SEED, ROUNDS = 12, 4  # command lines of each verb
BROKER = {"kafka"}  # these ask a broker first
LONG = {"demo", "simulate", "rebuild", "check", "serve"}  # these do as much as they are asked to, or go on
DEEP = 2_000
ODD = (
    "", " ", "\t\n", "\0", "\x1b[31m", "\udc80", "a\udcffb", "-", "--", "-1", "x" * 50_000, "²", "٣", "１", "é\u202e",  # noqa: RUF001
    "[bold]", "[/]", "{}", "0", "9" * 25, "9" * 5_000, "-9223372036854775809", "9223372036854775808", "1e400", "NaN",
    "Infinity", "1e-400", "1.5", "2026-02-30", "2026-01-31T09:30", "2026-W05-1", "0001-01-02", "9999-12-30",
    "0000-00-00", "2026-01-31T25:00:00Z", "[" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[1.5]", "null", "true",
    '"\\ud800"', '{"\\u0000": 1}', "[[]]", '[{"x": []}]', "@", "@nowhere.json", "@.", "@deep.json", "@bytes.bin", ".",
    "nowhere/deeper/x", "deep.json", "bytes.bin", "/dev/null", "1 EUR EUR", "1e400 EUR", "NaN EUR", "-1 EUR",
    "1.00 EU\udc80", "99999999999999999999999999.99 EUR", "* EUR",
)  # fmt: skip
PLAIN = (
    "lead-1", "opportunity-1", "opportunity-2", "process-standard", "framework-bant", "forecast-2026",
    "calendar-organisation", "subject-lead-1", "quota-1", "rate-EUR-USD", "team-north", "customer-acme", "lead-",
    "-1", "1", "2", "0", "0.5", "100.00 EUR", "2026-01-31", "2026-03-31", "2026-01-31T09:30:00Z", "commit",
    "best-case", "owner", "month", "net", "path", "board", "funnel", "win-rate", "weighted", "forecast", "waterfall",
    "proposal", "ann", "Acme", "EUR", "USD", "Europe/Berlin", "jo@example.com", "csv", "maven", "known", "effective",
    "price", "need", "yes", '{"a": "b"}', '["ann"]', '{"type": "lead-captured", "source": ""}',
    '[{"owner": "ann", "share": "1"}]',
)  # fmt: skip


def written(verb: App, chance: random.Random) -> list[str]:
    """Some arguments for a verb, most of what it must have among them."""
    line = list[str]()
    for argument in verb.arguments():
        if argument.name in ("--db", "--json", "--confirm-clock"):
            continue
        if chance.random() < (0.95 if argument.required or argument.title == "STREAM" else 0.2):
            value = chance.choice(chance.choice((ODD, PLAIN, PLAIN)))
            if argument.is_flag:
                line.append(argument.name)
            else:
                line.append(value if argument.positional else f"{argument.name}={value}")
    return [*line, *(["--json"] if chance.random() < 0.5 else [])]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log in which a little happened, and files that are of no use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_DB", f"sqlite:///{tmp_path / 'log.db'}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "bytes.bin").write_bytes(bytes(range(256)))
    assert run(["lead", "capture", "lead-1", "--source", "fair", "--name", "Jo", "--email", "jo@example.com"]) == 0
    assert run(["opportunity", "open", "opportunity-1", "--process", "process-standard", "--amount", "9.00 EUR"]) == 0
    return tmp_path


@pytest.mark.thorough
@pytest.mark.usefixtures("folder")
def test_any_arguments_end_with_a_documented_exit_code(capsys: pytest.CaptureFixture[str]):
    chance, seen = random.Random(SEED), set[int]()
    for path, verb in verbs_of(application()):
        for _ in range(0 if path[0] in BROKER | LONG else examples(ROUNDS)):
            line = [*path, *written(verb, chance)]
            code = run(line)
            err = capsys.readouterr().err
            assert code in CODES, line
            assert "Unforeseen" not in err, (line, err)
            if "--json" in line and code not in (0, 4) and path[0] != "bulk":
                assert json.loads(err.splitlines()[-1])["error"], (line, err)
            seen.add(code)
    assert seen >= {0, 2, 3}
