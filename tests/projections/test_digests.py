"""A fingerprint of the tables at any position, and the check that finds a row that no fact has made."""

from hypothesis import given
from hypothesis import strategies as st

from domain.recorded import Fact
from infra.store import Log, open_log
from infra.views import Views
from infra.views.tables import shape
from projections import PROJECTIONS
from projections.versions import END
from tests.projections.conftest import Over
from tests.projections.histories import histories
from tests.projections.test_moments import EXAMPLES
from tests.projections.test_views import grow
from tests.thorough import thorough


@thorough(max(5, EXAMPLES // 4))
@given(facts=histories(), cut=st.integers(1, 60))
def test_the_digest_at_any_position_is_that_of_a_log_that_ended_there(over: Over, facts: list[Fact], cut: int):
    then: dict[int, dict[str, str]] = {}
    views = over(facts)
    while views.position() < facts[-1].position:
        views._step(1, END)  # type: ignore[attr-defined]
        then[views.position()] = views.digest()
    assert {position: views.digest(position) for position in then} == then
    empty = views.digest(0)
    assert set(empty.values()) == {"0" * 32}
    ended = over([fact for fact in facts if fact.position <= cut])
    ended.rebuild()
    made_at_once = ended.digest()
    whole = over(facts)
    whole.rebuild()
    assert whole.digest(cut) == made_at_once


def test_both_databases_give_the_same_digest_at_every_position(sqlite_url: str, postgres_url: str):
    digests: list[list[dict[str, str]]] = []
    for url in (sqlite_url, postgres_url):
        opened = open_log(url)
        grow(opened, 5)
        with Views.open(url, opened) as views:
            views.catch_up()
            digests.append([views.digest(position) for position in range(opened.head() + 1)])
        opened.close()
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][1] != digests[0][2]


def test_a_check_finds_a_row_that_was_altered_by_hand(log_url: str, log: Log):
    grow(log, 12)
    with Views.open(log_url, log) as views:
        views.catch_up(far=END)
        grow(log, 1, first=12)  # tables that are behind are compared where they are
        found = views.check()
        assert (found.equal, found.position, found.differences) == (True, 37, [])
        with views._tables.writing(shape(PROJECTIONS)) as writing:  # type: ignore[attr-defined]
            writing.run("UPDATE opportunities SET amount = 1 WHERE stream = 'opportunity-7' AND version = 2")
            writing.run("DELETE FROM processes")
        found = views.check()
        assert not found.equal
        altered = [
            (d.stream, d.version, d.present_in, d.row["amount"]) for d in found.differences if d.projection[0] == "o"
        ]
        assert set(altered) == {("opportunity-7", 2, "kept", 1), ("opportunity-7", 2, "rebuilt", 150)}
        assert {(d.projection, d.present_in) for d in found.differences} == {
            ("opportunities", "kept"), ("opportunities", "rebuilt"), ("processes", "rebuilt"),
        }  # fmt: skip
        assert [each.state for each, _ in views.generations()] == ["live"]
        views.rebuild()
        assert views.check().equal
