"""Features and labels kept from Kafka are those that the log makes at the same position, whatever was killed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from infra.application.app import App, opened
from infra.application.feature_files import export_features
from infra.application.simulator import Plan, SimulatedClock, simulate
from infra.settings import Kafka, Settings
from tests.cli.program import dealtrail
from tests.kafka.publishing import publish, stored
from tests.kafka.relaying import until
from tests.kafka.running import Running

FILES = ("features.parquet", "labels.parquet")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A log of half a year, in which much came in when it was late."""
    plan = Plan(40, datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 6, 30, tzinfo=UTC), 5)
    clock = SimulatedClock(plan)
    with opened(Settings(db=f"sqlite:///{tmp_path}/a.db", key_file=str(tmp_path / "key")), clock) as app:
        simulate(app.dispatcher(cached=True), plan, lambda _: None, clock)
        yield app


def position_of(file: Path) -> int:
    return int(parquet.read_metadata(file).metadata[b"dealtrail.position"]) if file.exists() else 0


def test_files_kept_from_kafka_equal_those_that_the_log_makes(
    app: App, empty_postgres_url: str, topics: Kafka, tmp_path: Path
) -> None:
    rows, kept, beside = stored(app.log), tmp_path / "kept", tmp_path / "beside"
    kept.mkdir()
    beside.mkdir()
    there = {"DEALTRAIL_DB": empty_postgres_url, "DEALTRAIL_KAFKA_SERVERS": topics.servers}
    command = ("kafka", "consume", "features", "--group", f"files-{tmp_path.name}", "--to", str(kept))

    def equal(position: int) -> None:
        until(lambda: all(position_of(kept / name) >= position for name in FILES), f"position {position}")
        assert {position_of(kept / name) for name in FILES} == {position}
        export_features(app, beside, upto=position)
        for name in FILES:
            assert (kept / name).read_bytes() == (beside / name).read_bytes()

    with Running(tmp_path, *command, **there) as consumer:
        third = 2 * len(rows) // 3
        equal(publish(topics, rows[:third], log=app.log.identity()).position)
        days = parquet.read_table(kept / FILES[0]).column("as_of").to_pylist()
        consumer.kill()
        last = publish(topics, rows, log=app.log.identity())  # all of it again, and the rest
        consumer.start()
        equal(last.position)
        code, _ = consumer.stop()
        assert code == 0, consumer.errors()
    later = parquet.read_table(kept / FILES[0]).column("as_of").to_pylist()
    assert max(later) > max(days)


def test_what_cannot_be_kept_is_refused(kafka: Kafka, tmp_path: Path) -> None:
    command, there = ("kafka", "consume"), {"DEALTRAIL_KAFKA_SERVERS": kafka.servers}
    for arguments, reason in (
        (("features", "--to", "nowhere"), "to: there is no folder nowhere"),
        (("features",), "db: the files follow a read model, which lives in a PostgreSQL"),
        (("read_model", "--to", "."), "to, every: read_model writes no files, features does"),
        (("featured",), "there is no consumer 'featured'; there are read_model, features, lead_intake"),
    ):
        ran = dealtrail(*command, *arguments, folder=tmp_path, **there)
        assert ran.code != 0 and reason in ran.err
