"""The tour of the HTTP API is carried out as it stands, on an empty log."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.http.site import Site

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def examples(page: Path) -> list[tuple[str, str]]:
    """Each command with the answer that it says."""
    parts = [part for block in BLOCK.findall(page.read_text()) for part in block.split("$ ")[1:]]
    return [(command, answer.strip()) for command, _, answer in (part.partition("\n") for part in parts)]


def pattern(answer: str) -> str:
    """An answer as a pattern: an ellipsis stands for anything."""
    return "\n".join(".*".join(map(re.escape, line.split("…"))) for line in answer.split("\n"))


def test_every_example_of_the_tour_answers_what_it_says(site: Site) -> None:
    tour = examples(ROOT / "docs" / "reference" / "http-api.md")
    assert len(tour) > 14
    for command, answer in tour:
        assert command.startswith("curl -s ")
        line = command.replace("localhost:8080", site.url.removeprefix("http://"))
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True)
        printed = done.stdout.replace("\r\n", "\n").strip()
        assert re.fullmatch(pattern(answer), printed, re.DOTALL), f"$ {command}\n{printed}"


def test_the_calls_of_the_readme_are_answered(site: Site) -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("curl -s ")]
    assert len(lines) > 5
    for line in lines:
        call = line.replace("curl -s", "curl -s --fail-with-body").replace("localhost:8080", site.url.split("//")[1])
        done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        assert done.stdout.startswith(("{", "["))


def test_an_answer_that_is_not_the_one_would_be_seen() -> None:
    assert not re.fullmatch(pattern('{"a":1,…}'), '{"a":2,"b":3}', re.DOTALL)
    assert re.fullmatch(pattern('{"a":1,…}'), '{"a":1,"b":3}', re.DOTALL)


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/openapi.json"])
def test_what_describes_the_service_asks_nobody_else(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert not re.search(r"""(?:src|href)=["']?https?:""", answer.text)
