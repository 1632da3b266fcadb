"""A page of the open deals is read from an index, in its order: no list sorts or reads them all."""

from typing import Any

import pytest

from infra.views.sqlite import DIALECT, SqliteSnapshot
from infra.views.tables import spelled
from projections.query.question import Question
from projections.records import KINDS
from projections.records.kind import Wanted
from tests.records.office import Office

OPEN = ("open",)
PLANS: list[tuple[str, Wanted, str, bool]] = [
    ("opportunity", Wanted({"status": OPEN}, "close_date"), "USING INDEX opportunities_dated", True),
    ("opportunity", Wanted({"status": OPEN}, "close_date", True), "USING INDEX opportunities_dated", True),
    (
        "opportunity",
        Wanted({"status": OPEN, "owner": ("ann",)}, "close_date"),
        "USING COVERING INDEX opportunities_dated",
        True,
    ),
    ("opportunity", Wanted({"status": OPEN}, "opened_at", True), "USING COVERING INDEX opportunities_dated", False),
    ("opportunity", Wanted({"status": OPEN}, "amount"), "USING COVERING INDEX opportunities_now", False),
    ("opportunity", Wanted({"status": ("won",)}, "close_date"), "USING INDEX opportunities_shut", True),
    ("opportunity", Wanted({"status": ("won", "lost")}, "closed_at", True), "USING INDEX opportunities_standing", True),
    ("lead", Wanted({"status": ("new",)}, "captured_at", True), "USING INDEX leads_standing", True),
]
"""By kind and list the index that its page is read by, and whether in the order of that."""


@pytest.mark.parametrize("log_url", ["sqlite"], indirect=True)
def test_a_page_is_read_by_its_index(office: Office) -> None:
    plans: list[str] = []
    with office.app.views() as views, views.reading() as snapshot:
        assert isinstance(snapshot, SqliteSnapshot)

        def explained(query: Any) -> list[Any]:
            sql, parameters = spelled(query, DIALECT)
            rows = snapshot._connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
            plans.append(" / ".join(row[3] for row in rows))
            return [*snapshot.select(query)]

        with views.pinned(Question()) as (_, _, query):
            asked = query._replace(select=explained)
            for kind, wanted, index, ordered in PLANS:
                (key, _), *_ = KINDS[kind].page(asked, wanted._replace(limit=1), lambda _: {})
                list(KINDS[kind].page(asked, wanted._replace(limit=1, after=key), lambda _: {}))
                for plan in [plan for plan in plans if "_live" not in plan]:
                    assert index in plan, (kind, wanted, plan)
                    assert ("TEMP B-TREE FOR ORDER BY" not in plan) == ordered, (kind, wanted, plan)
                plans.clear()
