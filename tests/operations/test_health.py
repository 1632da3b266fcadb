"""Whether the service is well, and what it counts: as it stands, without helping it along."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from domain.lead.capture import CaptureLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.control import open_control
from infra.operations.health import Health
from infra.operations.measures import Measures
from infra.settings import Service, Settings
from infra.store.leases import RELAY, open_leases


def capture(app: App, count: int) -> None:
    for _ in range(count):
        app.execute(Request(stream="", command=CaptureLead("web", name="Ada Lovelace"), actor="ana"))


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    settings = Settings(db=log_url, key_file=str(tmp_path / "key"), service=Service(lag=5))
    with opened(settings) as app:
        capture(app, 1)
        yield app


@pytest.fixture
def health(app: App) -> Iterator[Health]:
    with closing(Health(app)) as health:
        yield health


def test_it_is_ready_once_tables_are_made_and_as_long_as_they_are_near(app: App, health: Health):
    with app.views():
        pass
    found = health.readiness()
    assert (found.ready, found.database, found.tables, found.control, found.lag) == (True, "ok", "ok", "ok", 0)
    assert found.position == app.log.head()
    capture(app, 4)
    assert (health.readiness().lag, health.readiness().ready) == (4, True), "asking does not bring them up"
    capture(app, 2)
    found = health.readiness()
    assert (found.ready, found.lag, found.tables) == (False, 6, "more than 5 facts behind")
    with app.views():
        pass
    assert health.readiness().ready


def test_control_tables_that_cannot_be_read_take_readiness_away_where_keys_open_anything(app: App):
    with app.views():
        pass
    app.settings = replace(app.settings, service=Service(keys=True))
    with closing(Health(app)) as health:
        assert health.readiness().control == "there are none: no key opens anything"
        control = open_control(app.settings.db, app.log.identity())
        assert health.readiness().ready
        control.run("DROP TABLE migrations")
        found = health.readiness()
        assert (found.ready, found.control) == (False, "the control tables cannot be read")
        app.settings = replace(app.settings, service=Service())
        assert health.readiness().ready
    control.close()


def test_a_log_that_cannot_be_read_is_not_ready_but_alive(sqlite_url: str, tmp_path: Path):
    with opened(Settings(db=sqlite_url)) as app, closing(Health(app)) as health:
        capture(app, 1)
        with app.views():
            pass
        assert health.readiness().ready
        measures = Measures(app, health)
        for file in tmp_path.glob("log.db*"):
            file.write_bytes(b"no database at all " * 2_000)
        found = health.readiness()
        assert (found.ready, found.lag, found.database) == (False, -1, "Unavailable: the log cannot be read")
        assert health.alive().status == "ok"
        text = measures.text().decode()
        assert "dealtrail_ready 0.0" in text and "dealtrail_log_position" not in text
        assert str(tmp_path) not in repr(found)


def figures(measures: Measures) -> dict[str, float]:
    """The samples by name and labels, as Prometheus reads them."""
    found = dict[str, float]()
    for family in text_string_to_metric_families(measures.text().decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_what_happened_is_counted_and_what_stands_is_read(app: App, health: Health):
    measures = Measures(app, health)
    with app.views():
        pass
    capture(app, 3)
    measures.request("GET", "/v1/leads/{id}", 200, 0.02)
    measures.request("GET", "/v1/leads/{id}", 200, 3.0)
    measures.request("GET", "/v1/events", 200, None)
    measures.refusal("refused")
    found = figures(measures)
    assert found["dealtrail_http_requests_total{method=GET,route=/v1/leads/{id},status=200}"] == 2
    assert found["dealtrail_http_request_seconds_count{route=/v1/leads/{id}}"] == 2
    assert found["dealtrail_http_request_seconds_bucket{le=0.025,route=/v1/leads/{id}}"] == 1
    assert "dealtrail_http_request_seconds_count{route=/v1/events}" not in found
    assert found["dealtrail_access_refusals_total{decision=refused}"] == 1
    assert found["dealtrail_access_refusals_total{decision=unauthenticated}"] == 0
    assert (found["dealtrail_ready{}"], found["dealtrail_tables_lag{}"]) == (1, 3)
    assert found["dealtrail_log_position{}"] == app.log.head()
    assert "dealtrail_relay_alive{}" not in found
    leases = open_leases(app.settings.db)
    taken = leases.take(RELAY, "somebody")
    assert taken is not None
    leases.keep(RELAY, taken.epoch, app.log.head() - 2, "")
    found = figures(measures)
    assert (found["dealtrail_relay_alive{}"], found["dealtrail_relay_lag{}"]) == (1, 2)
    leases.give_back(RELAY, taken.epoch)
    assert figures(measures)["dealtrail_relay_alive{}"] == 0
    leases.close()


def test_two_services_of_one_process_count_apart(app: App, health: Health):
    first, second = Measures(app, health), Measures(app, health)
    first.refusal("refused")
    assert figures(second)["dealtrail_access_refusals_total{decision=refused}"] == 0
