"""Tables beside a real log, on both databases: kept up, built anew, shared, and read by the right index."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

import pytest

from domain.errors import Unavailable
from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.progress import StageChanged
from domain.opportunity.terms import OwnerChanged
from domain.reference.process import StageRenamed
from infra.store import Log, open_log
from infra.store.codec import encode
from infra.store.log import Append, Draft
from infra.views import Views
from infra.views.building import is_far
from infra.views.postgres import DIALECT as POSTGRES
from infra.views.postgres import PostgresTables
from infra.views.sqlite import DIALECT as SQLITE
from infra.views.sqlite import SqliteTables
from infra.views.tables import shape, spelled
from projections import METRICS, PROJECTIONS
from projections.query.metric import Period, Query
from projections.query.question import Question
from projections.query.references import References
from projections.query.tables import AnySelect
from projections.rows import opportunities
from projections.versions import END, PartialIndex
from tests.projections.histories import FactLog
from tests.projections.test_metrics import log as facts
from tests.projections.test_metrics import opened, process, to


def draft(stream: str, version: int, event: Any, occurred_at: int) -> Draft:
    return Draft(uuid4(), stream, version, event.__struct_config__.tag, encode(event), occurred_at, "ann")


def grow(log: Log, deals: int, first: int = 0) -> None:
    """Deals of three facts, one of them late."""
    if not log.head():
        log.append(Append([draft("process-p", 1, process(1, "0.1", "0.5"), 0)]))
    opening = OpportunityOpened("process-p", 1, "a", Money(Decimal("1.50"), "EUR"), owner="ann")
    moves = StageChanged("a", "b", 1, "forward"), StageChanged("b", "a", 1, "back")
    for number in range(first, first + deals):
        name, late = f"opportunity-{number}", number % 3
        drafts = [draft(name, 1, opening, 10), draft(name, 2, moves[0], 20), draft(name, 3, moves[1], 30 - 6 * late)]
        log.append(Append(drafts))


@pytest.fixture
def views(log: Log, log_url: str) -> Iterator[Views]:
    with Views.open(log_url, log) as opened:
        yield opened


def test_tables_follow_the_log_and_survive_being_closed(views: Views, log: Log, log_url: str):
    assert views.catch_up() == views.position() == 0
    grow(log, 9)
    assert views.catch_up(page=4, far=END) == log.head()
    grow(log, 5, first=9)
    with Views.open(log_url, log) as again:
        assert again.position() < log.head()
        assert again.catch_up() == log.head() == views.position()
    assert [(row.stage, row.deals) for row in views.ask("board").records] == [("a", 10), ("b", 4)]
    kept = views.digest()
    assert views.rebuild() == log.head()
    assert views.digest() == kept


def test_both_databases_come_to_the_same_rows(sqlite_url: str, postgres_url: str):
    digests: list[dict[str, str]] = []
    for url in (sqlite_url, postgres_url):
        opened_log = open_log(url)
        grow(opened_log, 7)
        with Views.open(url, opened_log) as views:
            views.catch_up()
            digests.append(views.digest())
        opened_log.close()
    assert digests[0] == digests[1]


def test_a_table_far_behind_or_ahead_of_the_log_is_built_anew():
    assert is_far(position=0, head=3000, far=2000)
    assert not is_far(position=0, head=1000, far=2000)
    assert not is_far(position=97_000, head=100_000, far=2000)
    assert is_far(position=11, head=10, far=2000)


def test_a_log_put_back_to_an_earlier_state_takes_the_tables_along(over: Any, tables: Any):
    given = facts(("process-p", 0, process(1, "0.1")), ("opportunity-1", 1, opened()), ("opportunity-1", 2, to("b")))
    over(given).catch_up()
    shorter = Views(tables, FactLog(given[:2]))  # type: ignore[arg-type]
    assert shorter.catch_up() == 2
    assert [row.stage for row in shorter.ask("board").records] == ["a"]


def test_software_of_two_versions_keeps_tables_of_its_own_side_by_side(over: Any, tables: Any):
    given = facts(
        ("process-p", 0, process(1, "0.1")), ("opportunity-1", 1, opened()),
        ("opportunity-2", 2, opened()), ("opportunity-2", 3, OwnerChanged("", "ann")),
    )  # fmt: skip
    old = over(given[:2])
    old.catch_up()
    kept = old.digest()
    newer = (opportunities.PROJECTION._replace(version=99), *PROJECTIONS[1:])
    views = Views(tables, FactLog(given), newer)  # type: ignore[arg-type]
    assert views.position() == 0
    assert views.catch_up(far=2) == views.position() == 4
    assert (old.digest(), old.position()) == (kept, 2)
    assert old.catch_up() == 2
    views.discard_old()
    with pytest.raises(Unavailable, match="catch up"):
        old.position()
    assert old.catch_up() == 2
    assert old.digest() == kept


def follow(url: str) -> int:
    """Catch up in a process of its own."""
    log = open_log(url)
    with Views.open(url, log) as views:
        reached = 0
        for _ in range(20):
            reached = views.catch_up(page=3, far=END)
    log.close()
    return reached


@pytest.mark.slow
def test_processes_that_catch_up_at_once_do_each_fact_once(views: Views, log: Log, log_url: str):
    grow(log, 20)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as others, ThreadPoolExecutor(2) as threads:
        following = [others.submit(follow, log_url) for _ in range(2)]
        following += [threads.submit(views.catch_up, 5, END) for _ in range(2)]
        grow(log, 20, first=20)
        for each in following:
            each.result(timeout=60)
    views.catch_up(page=7, far=END)
    kept = views.digest()
    views.rebuild()
    assert views.digest() == kept


def test_questions_are_answered_while_tables_are_built_anew(views: Views, log: Log):
    grow(log, 10)
    views.catch_up()
    with ThreadPoolExecutor(1) as other:
        building = [other.submit(views.rebuild) for _ in range(5)]
        while not all(each.done() for each in building):
            assert sum(row.deals for row in views.ask("board").records) == 10


def test_a_page_that_cannot_be_kept_leaves_no_trace(over: Any, tables: Any):
    given = facts(("process-p", 0, process(1, "0.1")), ("opportunity-1", 1, opened()))
    views = over(given)
    before = views.digest()

    class Broken(FactLog):
        def page(self, after: int, limit: int) -> Any:
            return [*super().page(after, limit), None]

    with pytest.raises(AttributeError):
        Views(tables, Broken(given)).catch_up()  # type: ignore[arg-type]
    assert (views.digest(), views.position()) == (before, 0)


MOMENTS = {
    ("opportunities_now",): Question(),
    ("opportunities_k",): Question(known_at=5),
    ("opportunities_now", "opportunities_e"): Question(effective_at=5),
    ("opportunities_k", "opportunities_e"): Question(known_at=5, effective_at=5),
}


def selects(metric: str, question: Question) -> list[AnySelect]:
    """The selects of a metric."""
    asked: list[AnySelect] = []

    def run(select: AnySelect) -> list[Any]:
        asked.append(select)
        return []

    checked, whole = METRICS[metric].checked(question), Period("", question.since, question.until)
    list(METRICS[metric].parts(Query(checked, References(), run, min(question.effective_at, 9), (whole,), set())))
    return asked


@pytest.mark.parametrize("metric", ["board", "weighted"])
@pytest.mark.parametrize("indexes", MOMENTS)
def test_open_deals_are_summed_from_an_index_alone_on_sqlite(tmp_path: Any, indexes: tuple[str, ...], metric: str):
    tables = SqliteTables(str(tmp_path / "views.db"))
    Views(tables, FactLog())  # type: ignore[arg-type]
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        for asked, index in zip(selects(metric, MOMENTS[indexes]), indexes, strict=True):
            text, parameters = spelled(asked, SQLITE)
            plan = str(list(snapshot._connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)))  # type: ignore[attr-defined]
            assert f"USING COVERING INDEX {index}" in plan
    tables.disconnect()


@pytest.mark.parametrize("indexes", MOMENTS)
def test_open_deals_are_summed_from_an_index_on_postgresql(postgres_url: str, indexes: tuple[str, ...]):
    tables = PostgresTables(postgres_url)
    Views(tables, FactLog())  # type: ignore[arg-type]
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        connection = snapshot._connection  # type: ignore[attr-defined]
        connection.execute("SET LOCAL enable_seqscan = off")
        for asked, index in zip(selects("board", MOMENTS[indexes]), indexes, strict=True):
            text, parameters = spelled(asked, POSTGRES)
            assert index in str(connection.execute(f"EXPLAIN {text}".encode(), parameters).fetchall())
    tables.disconnect()


def test_tables_whose_index_holds_other_columns_are_of_another_shape():
    def shaped(*columns: str, where: str = "flows = 1") -> str:
        index = PartialIndex("opportunities_path", columns, where)
        return shape([opportunities.PROJECTION._replace(indexes=(index,))])

    ways = shaped("stream"), shaped("stream", "amount"), shaped("stream", where="visits = 1")
    assert len({*ways, shaped("stream")}) == 3


def test_questions_on_postgresql_are_not_compiled_and_sort_in_memory(postgres_url: str):
    tables = PostgresTables(postgres_url)
    Views(tables, FactLog())  # type: ignore[arg-type]
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        assert (snapshot.run("SHOW jit"), snapshot.run("SHOW work_mem")) == ([("off",)], [("64MB",)])
    tables.disconnect()


def plans(tmp_path: Any, metric: str, question: Question) -> list[str]:
    """How SQLite goes about the selects of a metric."""
    tables = SqliteTables(str(tmp_path / "views.db"))
    Views(tables, FactLog())  # type: ignore[arg-type]
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        found = [
            str(list(snapshot._connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)))  # type: ignore[attr-defined]
            for text, parameters in (spelled(asked, SQLITE) for asked in selects(metric, question))
        ]
    tables.disconnect()
    return found


@pytest.mark.parametrize("metric", ["funnel", "transitions", "backward-moves", "stage-flow"])
def test_the_ways_of_deals_are_read_from_an_index_alone_on_sqlite(tmp_path: Any, metric: str):
    plan = plans(tmp_path, metric, Question(since=1, until=9))[-1]
    assert "opportunities USING COVERING INDEX opportunities_visits" in plan
    if metric in ("transitions", "backward-moves"):
        assert "USING COVERING INDEX opportunities_gone" in plan
    if metric == "funnel":  # those who came anywhere in the period are found by when
        assert "opportunities_begun (effective_from>? AND effective_from<?)" in plan


def test_the_stays_of_a_period_are_found_by_when_they_began_on_sqlite(tmp_path: Any):
    over, _ = plans(tmp_path, "time-in-stage", Question(since=1, until=9))
    assert "COVERING INDEX opportunities_stays (was_from>? AND was_from<?)" in over
    assert "USING COVERING INDEX opportunities_gone" in over


def test_what_was_closed_in_a_period_is_found_by_when_on_sqlite(tmp_path: Any):
    standing, taken_back = plans(tmp_path, "win-rate", Question(since=1, until=9))
    assert "INDEX opportunities_standing (visit_from>? AND visit_from<?)" in standing
    assert "INDEX opportunities_begun (effective_from>? AND effective_from<?)" in taken_back


def test_the_rows_that_a_page_closes_are_found_by_their_stream(tmp_path: Any):
    tables = SqliteTables(str(tmp_path / "views.db"))
    Views(tables, FactLog())  # type: ignore[arg-type]
    with tables.writing(shape(PROJECTIONS)) as writing:
        statements: list[str] = []
        writing._connection.set_trace_callback(statements.append)
        writing.tips(opportunities.PROJECTION, ["opportunity-1"])
        writing._connection.set_trace_callback(None)
        plan = str(list(writing.run(f"EXPLAIN QUERY PLAN {statements[0]}")))
    assert "USING INDEX opportunities_live (stream=?)" in plan
    tables.disconnect()


def test_a_fact_that_waits_for_its_row_counts_when_the_row_comes_in_a_later_page(over: Any):
    renamed = StageRenamed(2, "a", "Said")  # recorded before what it is about, which takes effect before it
    given = facts(("process-p", 0, process(1, "0.1")), ("process-p", 2, renamed), ("process-p", 1, process(2, "0.2")))
    views = over(given)
    views.catch_up(page=1, far=END)
    kept = views.digest()
    views.rebuild()
    assert views.digest() == kept
