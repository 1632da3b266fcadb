"""The examples of docs/how-to/consumers.md do what it says, as they stand there, where messages come more than once."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
import pyarrow
import pytest
from jsonschema import Draft202012Validator
from pyarrow import parquet

from domain.lead import CaptureLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.recorded import Request
from infra.application.app import opened
from infra.kafka.envelope import EXTENSIONS, headers
from infra.kafka.schemas import schemas
from infra.kafka.topics import OPPORTUNITIES, TOPICS, topic_of
from infra.settings import Kafka, Settings
from infra.store.log import StoredEvent
from tests.cli.program import ROOT
from tests.conftest import unavailable
from tests.kafka.conftest import emptied
from tests.kafka.publishing import publish, stored
from tests.test_readme import pattern
from tests.web.conftest import simulated

TEXT = (ROOT / "docs" / "how-to" / "consumers.md").read_text()
PATIENCE = 60.0
ONCE = "    QUALIFY row_number() OVER (PARTITION BY deal, version ORDER BY said_by DESC) = 1\n"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


DEDUPLICATING, WRITING = examples("python")
[QUERY] = examples("sql")
[WATERMARK] = examples("json")
[LOOKING] = examples("console")


class Published(NamedTuple):
    """What was sent: the rows of deals, each of which may have been sent several times, and how many messages."""

    kafka: Kafka
    deals: list[StoredEvent]
    messages: int


def history() -> Iterator[Request]:
    """Deals that were won, one of them twice, one not after all, one lost, one open; and a lead."""
    lead = CaptureLead("website", "Alder Clinics", name="Ada Abel", email="ada@alder.example")
    yield request("lead-ada", lead, 1)
    won = {"a": "100.50", "b": "200.00", "c": "0.10", "d": "10.00", "e": "7.00", "f": "6.00"}
    for deal, amount in won.items():
        money = Money(Decimal(amount), "USD" if deal == "c" else "EUR")
        yield request(f"opportunity-{deal}", OpenOpportunity("process-standard", money, account="Acme"), 1)
    for deal, month in (("a", 1), ("b", 1), ("c", 2), ("d", 1)):
        yield request(f"opportunity-{deal}", WinOpportunity(), month, 10)
    for deal in "bd":
        yield request(f"opportunity-{deal}", ReopenOpportunity("a slip"), 2)
    yield request("opportunity-b", WinOpportunity(Money(Decimal("300.25"), "EUR")), 3)
    yield request("opportunity-e", LoseOpportunity("price"), 3)


def request(stream: str, command: Any, month: int, day: int = 1) -> Request:
    return Request(stream=stream, command=command, actor="ann", occurred_at=datetime(2026, month, day, tzinfo=UTC))


@pytest.fixture(scope="module")
def published(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A history on its topics, the deals' events as after two crashes of a relay."""
    folder = tmp_path_factory.mktemp("log")
    with opened(Settings(db=f"sqlite:///{folder / 'log.db'}", key_file=str(folder / "key"))) as app:
        dispatcher = app.dispatcher()
        for each in history():
            dispatcher.execute(each)
        rows = stored(app.log)
    deals = [row for row in rows if topic_of(row[1]) == OPPORTUNITIES]
    emptied(kafka)
    for sent in (rows, deals[-5:], deals):
        publish(kafka, sent)
    return Published(kafka, deals, 2 * len(deals) + 5)


@contextmanager
def running(program: str, folder: Path, kafka: Kafka) -> Iterator[subprocess.Popen[str]]:
    """An example in a process of its own, killed in the end."""
    environment = os.environ | {"DEALTRAIL_KAFKA_SERVERS": kafka.servers}
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], cwd=folder, env=environment, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def written(folder: Path) -> list[str]:
    """`ce_id` of each row in the files that are there."""
    return [each for file in folder.glob("events/*.parquet") for each in ids(file)]


def ids(file: Path) -> list[str]:
    return parquet.read_table(file).column("ce_id").to_pylist()


def wait_for(rows: int, folder: Path) -> None:
    until = time.monotonic() + PATIENCE
    while len(written(folder)) < rows:
        assert time.monotonic() < until, "the example did not write what was sent"
        time.sleep(0.1)


def test_the_short_consumer_prints_each_event_once_in_order_and_stops_at_a_hole(published: Published, tmp_path: Path):
    wanted = {row[1]: list[str]() for row in published.deals}
    for row in published.deals:
        wanted[row[1]].append(f"{row[1]} {row[2]} {row[16].decode()}")
    with running(DEDUPLICATING, tmp_path, published.kafka) as process:
        assert process.stdout and process.stderr
        lines = [process.stdout.readline().rstrip("\n") for _ in published.deals]
        first = published.deals[0]
        hole = first._replace(stream="opportunity-hole", version=2)
        publish(published.kafka, [hole], mark=False)
        rest, said = process.communicate(timeout=PATIENCE)
    got = {stream: [line for line in lines if line.startswith(f"{stream} ")] for stream in wanted}
    assert got == wanted
    assert (rest, said, process.returncode) == ("", "lost: opportunity-hole:1\n", 1)


def test_the_files_hold_every_event_and_the_query_counts_each_once_after_a_crash_before_the_commit_too(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    crashing = WRITING.replace("consumer.commit()", "os._exit(9)").replace('"parquet"', '"crashed"')
    with running(crashing, tmp_path, published.kafka) as process:  # of another group: so nobody waits for the dead one
        assert process.wait(PATIENCE) == 9
    again = len(written(tmp_path))
    with running(WRITING, tmp_path, published.kafka):
        wait_for(again + published.messages, tmp_path)
    assert again
    found = written(tmp_path)
    assert {f"{row[1]}:{row[2]}" for row in published.deals} <= {*found}
    assert len(found) > len({*found}), "there is something to be removed"
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        assert database.execute(QUERY).fetchall() == [
            ("2026-01", "EUR", 1, Decimal("100.5")),
            ("2026-02", "USD", 1, Decimal("0.1")),
            ("2026-03", "EUR", 1, Decimal("300.25")),
        ]


def test_without_the_rule_against_repeats_deals_would_be_counted_twice(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert QUERY.count(ONCE) == 1
    naive = QUERY.replace(ONCE, "").replace("PARTITION BY deal ORDER BY happened DESC, version DESC) = 1", ") > 0")
    with running(WRITING.replace('"parquet"', '"naive"'), tmp_path, published.kafka):
        wait_for(published.messages, tmp_path)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        assert all(deals > 1 for _, _, deals, _ in database.execute(naive).fetchall())


def test_the_query_is_what_bookings_call_net_also_where_wins_were_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    simulated(tmp_path, "2026-06-30", "300")
    settings = Settings(db=f"sqlite:///{tmp_path / 'log.db'}", key_file=str(tmp_path / "key"), confirm_clock=True)
    with opened(settings) as app:
        rows = [
            {
                "ce_subject": each.stream,
                "ce_version": str(each.version),
                "ce_time": each.occurred_at.isoformat(),
                "ce_type": f"dealtrail.{each.event.__struct_config__.tag}.v1",
                "event": msgspec.json.encode(each.event).decode(),
            }
            for each in app.log.recorded(0, app.log.head())
            if each.stream.startswith("opportunity-")
        ]
        question = {"since": "2025-01-01", "until": "2026-06-30", "by": ("month",)}
        answer = app.ask("bookings", question)
    wanted = [
        (group["month"], record.currency, record.net_deals, record.net_amount)
        for group, record in zip(answer.groups, answer.records, strict=True)
        if record.net_deals
    ]
    assert any(each["ce_type"] == "dealtrail.fact-corrected.v1" for each in rows)
    (tmp_path / "events").mkdir()
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "events" / "all.parquet")
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        assert database.execute(QUERY).fetchall() == wanted


def test_kcat_shows_key_headers_and_value_as_documented(published: Published):
    if not shutil.which("kcat"):
        unavailable("there is no kcat here")
    command, _, printed = LOOKING.removeprefix("$ ").partition("\n")
    environment = os.environ | {"DEALTRAIL_KAFKA_SERVERS": published.kafka.servers}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert re.fullmatch(pattern(printed), done.stdout, re.DOTALL), done.stdout + done.stderr


def test_the_table_of_topics_is_that_of_the_code():
    rows = re.findall(r"^\| `(sales\.\S+)` \| (\d+) \| .* \| (.*) \|$", TEXT, re.MULTILINE)
    kept = {"-1": "for ever", str(30 * 24 * 3_600_000): "30 days", None: "the newest"}
    assert rows == [(topic.name, str(topic.partitions), kept[topic.settings.get("retention.ms")]) for topic in TOPICS]


def test_the_table_of_headers_names_each_of_them(published: Published):
    first, *_ = published.deals
    names = {name for name, _ in [*headers(first, b"/dealtrail", "0" * 32), *EXTENSIONS]}
    rows = re.findall(r"^\| (`(?:ce_|content).*?) \| ", TEXT, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(.*?)`", row)} == names


def test_the_watermark_that_is_shown_is_one():
    errors = Draft202012Validator(schemas()["sales.log.positions.v1"]).iter_errors(msgspec.json.decode(WATERMARK))
    assert list(errors) == []
