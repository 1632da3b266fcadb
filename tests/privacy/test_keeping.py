"""What a log promises about keys and tokens: what must stand stands, what is erased goes, all in one append."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from domain.errors import Conflict
from infra.store import open_log
from infra.store.log import ERASED, INDEX, Append, Log
from infra.store.postgres_tables import Names, grants
from tests.conftest import located
from tests.privacy.persons import bytes_in_files
from tests.store.drafts import drafted, erasure

TOKEN = b"t" * 32


@pytest.fixture
def kept(log: Log) -> Log:
    """A log with one fact, two keys and their tokens."""
    tokens = [(TOKEN, "lead-1"), (TOKEN, "lead-2"), (b"u" * 32, "lead-1")]
    log.append(Append([drafted("lead-1", 1)], keys={"lead-1": b"first", "lead-2": b"second"}, tokens=tokens))
    return log


@pytest.mark.parametrize(
    "standing",
    [{"lead-1": b"other"}, {"lead-1": None}, {"lead-3": b"first"}, {"lead-2": b"second", "lead-1": b""}],
    ids=["another one", "none", "one that is not there", "one of two"],
)
def test_an_append_whose_keys_do_not_stand_is_a_conflict_and_leaves_nothing(kept, standing):
    with pytest.raises(Conflict, match="the key of lead-"):
        kept.append(Append([drafted("lead-1", 2)], keys={"lead-4": b"k"}, standing=standing, tokens=[(TOKEN, "x")]))
    assert kept.head() == 1 and kept.keys(["lead-4"]) == {} and kept.subjects_of_token(TOKEN) == ["lead-1", "lead-2"]


def test_an_append_whose_keys_stand_is_stored(kept):
    kept.append(Append([drafted("lead-1", 2)], standing={"lead-1": b"first", "lead-3": None}))
    assert len(kept.facts(["lead-1"], 9)["lead-1"]) == 2


def test_a_key_is_replaced_only_where_it_stands_as_it_was(kept):
    with pytest.raises(Conflict):
        kept.append(Append((), keys={"lead-1": b"news"}))
    kept.append(Append((), keys={"lead-1": b"news"}, standing={"lead-1": b"first"}))
    assert kept.keys(["lead-1", "lead-2"]) == {"lead-1": b"news", "lead-2": b"second"}


def test_an_erased_subject_has_no_key_no_tokens_and_never_gets_another_one(kept):
    kept.append(Append([erasure("lead-1"), erasure("lead-9")], erase=["lead-1", "lead-9"]))
    assert kept.keys(["lead-1", "lead-2", "lead-9"]) == {"lead-1": ERASED, "lead-2": b"second", "lead-9": ERASED}
    assert kept.subjects_of_token(TOKEN) == ["lead-2"] and kept.subjects_of_token(b"u" * 32) == []
    assert kept.subjects_by_token([TOKEN, b"u" * 32]) == {TOKEN: ["lead-2"]} and kept.subjects_by_token([]) == {}
    with pytest.raises(Conflict):
        kept.append(Append((), keys={"lead-1": b"again"}))
    kept.append(Append([erasure("lead-1", 2)], erase=["lead-1"]))
    assert kept.keys(["lead-1"]) == {"lead-1": ERASED}


def test_what_comes_with_an_erasure_in_one_append_is_erased_with_it(kept):
    tokens = [(TOKEN, "lead-3")]
    kept.append(Append([erasure("lead-3")], keys={"lead-3": b"third"}, tokens=tokens, erase=["lead-3"]))
    assert kept.keys(["lead-3"]) == {"lead-3": ERASED} and kept.subjects_of_token(TOKEN) == ["lead-1", "lead-2"]


def test_with_the_key_of_the_index_all_tokens_go(kept):
    kept.append(Append((), tokens=[(TOKEN, "lead-3")], erase=[INDEX]))
    assert kept.subjects_of_token(TOKEN) == [] and kept.keys(["lead-1"]) == {"lead-1": b"first"}


def test_a_token_that_is_there_already_stays(kept):
    kept.append(Append((), tokens=[(TOKEN, "lead-1"), (TOKEN, "lead-3"), (TOKEN, "lead-3")]))
    assert kept.subjects_of_token(TOKEN) == ["lead-1", "lead-2", "lead-3"]


def test_keys_are_read_in_pages_in_the_order_of_names(kept):
    kept.append(Append((), keys={"lead-10": b"tenth", "lead-é": b"last"}))
    first = kept.keys_after("", 2)
    assert list(first) == ["lead-1", "lead-10"]
    assert kept.keys_after("lead-10", 9) == {"lead-2": b"second", "lead-é": b"last"}


def test_of_many_erasures_and_appends_at_once_none_undoes_another(kept):
    names = [f"lead-{number}" for number in range(20, 60)]
    kept.append(Append((), keys=dict.fromkeys(names, b"key"), tokens=[(TOKEN, name) for name in names]))

    def one(number: int) -> bool:
        name = names[number % len(names)]
        if number < len(names):
            kept.append(Append([erasure(name)], erase=[name]))
            return True
        try:
            kept.append(Append((), standing={name: b"key"}, tokens=[(b"v" * 32, name)]))
            return True
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(2 * len(names))))
    assert set(kept.keys(names).values()) == {ERASED}
    assert kept.subjects_of_token(b"v" * 32) == [] and kept.subjects_of_token(TOKEN) == ["lead-1", "lead-2"]


def test_streams_are_found_by_whose_texts_they_hold_and_by_the_whole_name(log):
    sealed = drafted("lead-1", 1)._replace(body=b'{"type":"lead-captured","source":"x","name":"sealed:1:lead-1:AAAA"}')
    told = drafted("lead-2", 1)._replace(reason='sealed:1:lead-"é":AAAA')
    log.append(Append([sealed, drafted("lead-11", 1), told]))
    assert log.streams_about("lead-1") == ["lead-1"]
    assert log.streams_about('lead-"é"') == ["lead-2"]
    assert log.streams_about("lead") == []


@pytest.fixture(params=[False, True], ids=["as granted", "with MAINTAIN"])
def appender(request, postgres_url: str, postgres_server: str) -> Iterator[Log]:
    """A log opened by a role that has nothing but what `grants` gives."""
    role = f"dealtrail_{uuid4().hex}"
    open_log(postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        if request.param and owner.info.server_version < 170000:
            pytest.skip("MAINTAIN came with PostgreSQL 17")
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'appends'".encode())
        for statement in grants(Names.beside("public", "stored_events"), role, request.param):
            owner.execute(statement)
        scheme, _, rest = located(postgres_server, owner.info.dbname).partition("://")
        log = open_log(f"{scheme}://{role}:appends@{rest.rpartition('@')[2]}")
        yield log
        log.close()
        owner.execute(f"DROP OWNED BY {role}".encode())
        owner.execute(f"DROP ROLE {role}".encode())


def test_a_role_that_only_appends_can_erase_and_says_whether_the_traces_are_gone(appender, postgres_url, request):
    key = bytes(range(100, 200))
    appender.append(Append((), keys={"lead-1": key}, tokens=[(TOKEN, "lead-1")]))
    appender.append(Append([erasure("lead-1")], erase=["lead-1"]))
    assert appender.keys(["lead-1"]) == {"lead-1": ERASED} and appender.subjects_of_token(TOKEN) == []
    assert appender.scrub() == (key not in bytes_in_files(postgres_url))
    assert appender.scrub() == ("MAINTAIN" in request.node.name)
