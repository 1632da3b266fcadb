"""What is counted and measured while the service runs, in the text that Prometheus reads."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.errors import PipelineError
from infra.application.app import App
from infra.operations.health import Health
from infra.store.leases import RELAY, standing_at

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Webhooks = Callable[[], tuple[Mapping[Any, int], int] | None]
"""How many webhooks are in which state, and the lag of the last one; None where another process delivers."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Measures:
    """The figures of one process, in a registry of its own. Safe for threads."""

    def __init__(self, app: App, health: Health, webhooks: Webhooks = lambda: None) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "dealtrail_http_requests", "Requests answered, by route and status.", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "dealtrail_http_request_seconds", "From a request's arrival to its answer, streams left out.", ("route",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        # each by its labels: the library takes a lock to look for one
        self._requests_of, self._seconds_of = cache(self._requests.labels), cache(self._seconds.labels)
        self._refusals = Counter(
            "dealtrail_access_refusals", "Callers unknown (unauthenticated) or not allowed (refused).", ("decision",),
            registry=self.registry,
        )  # fmt: skip
        for decision in ("unauthenticated", "refused"):
            self._refusals.labels(decision)
        self._deliveries = Counter(
            "dealtrail_webhook_deliveries", "Messages to webhooks: delivered, failed, the last failure (parked).",
            ("outcome",), registry=self.registry,
        )  # fmt: skip
        for outcome in ("delivered", "failed", "parked"):
            self._deliveries.labels(outcome)
        self.registry.register(Standing(app, health, webhooks))

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count a request that was answered: `route` is the path with its placeholders; None for a stream's time."""
        self._requests_of(method, route, status).inc()
        if seconds is not None:
            self._seconds_of(route).observe(seconds)

    def refusal(self, decision: str) -> None:
        """Count a caller that was refused."""
        self._refusals.labels(decision).inc()

    def delivery(self, outcome: str) -> None:
        """Count a message to a webhook."""
        self._deliveries.labels(outcome).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class Standing(Collector):
    """Where the log, its tables and its relay stand at the moment that they are asked for."""

    def __init__(self, app: App, health: Health, webhooks: Webhooks) -> None:
        self._app, self._health, self._webhooks = app, health, webhooks
        self._started = time.time()

    def describe(self) -> Iterator[Metric]:
        """Nothing: it is not collected while it is registered, when no database may be there yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The gauges; one that cannot be told is left out, so that an alert on its absence fires."""
        found = self._health.readiness()
        yield gauge("ready", "1 where callers should be sent here, 0 where not.", int(found.ready))
        if found.database == "ok":
            yield gauge("log_position", "The position of the newest fact.", found.position)
        if found.lag >= 0:
            yield gauge("tables_lag", "Facts that the tables are behind the log.", found.lag)
        yield from self._relay(found.position if found.database == "ok" else None)
        yield from self._sent()
        yield gauge("start_time_seconds", "When the process started, seconds since 1970 UTC.", self._started)
        info = GaugeMetricFamily("dealtrail_build", "The version that runs.", labels=("version",))
        info.add_metric([version("dealtrail")], 1)
        yield info

    def _sent(self) -> Iterator[Metric]:
        if (backlog := self._webhooks()) is None:  # another process delivers, or there is nothing to
            return
        states, lag = backlog
        stand = GaugeMetricFamily("dealtrail_webhooks", "Webhooks by state.", labels=("state",))
        for state in ("active", "failing", "parked"):
            stand.add_metric([state], states.get(state, 0))
        yield stand
        yield gauge("webhook_lag", "Facts that the webhook furthest behind was not sent, those parked aside.", lag)

    def _relay(self, head: int | None) -> Iterator[Metric]:
        try:
            relay = standing_at(self._app.settings.db, RELAY)
        except PipelineError:
            return
        if relay is None or head is None:  # nobody ever published
            return
        yield gauge("relay_alive", "1 where a relay renews its lease, 0 where it stopped.", int(relay.alive))
        yield gauge("relay_lag", "Facts not published yet.", max(0, head - relay.position))


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """A figure as it stands."""
    return GaugeMetricFamily(f"dealtrail_{name}", text, value=value)
