"""No form of a database's URL prints its password, whatever is wrong with it."""

import pytest

from domain.errors import Malformed, PipelineError
from infra.settings import Settings
from infra.store import open_log
from infra.store.places import bare, place
from infra.store.replica import create_replica
from tests.offenders import every

SECRET = "hunter2"
HALF = "nter2"
URLS = [
    "postgresql://ann:hunter2@127.0.0.1:1/sales",
    "postgres://ann:hunter2@127.0.0.1:1/sales",
    "postgresql://ann:hu@nter2@127.0.0.1:1/sales",
    "postgresql://ann:hu/nter2@127.0.0.1:1/sales",
    "postgresql://ann:hu?nter2@127.0.0.1:1/sales",
    "postgresql://ann:hu#nter2@127.0.0.1:1/sales",
    "postgresql://ann:hu%nter2@127.0.0.1:1/sales",
    "postgresql://ann:hunter2",
    "postgresql://127.0.0.1:1/sales?user=ann&password=hunter2",
    "postgresql://127.0.0.1:1/sales?pasword=hunter2",
    "postgresql:ann:hunter2@127.0.0.1/sales",
    "postgresq://ann:hunter2@127.0.0.1/sales",
    "sqlite://ann:hunter2@127.0.0.1/sales",
    "mysql://ann:hunter2@127.0.0.1/sales",
    "host=127.0.0.1 port=1 dbname=sales user=ann password=hunter2",
    "hunter2",
]


@every("url", URLS)
def test_no_form_of_a_url_prints_its_password(url: str):
    texts = [place(url), bare(url), repr(Settings(db=url))]
    for opening in (open_log, create_replica):
        with pytest.raises(PipelineError) as refusal:
            opening(url)
        texts += [str(refusal.value), repr(refusal.value)]
    assert [text for text in texts if SECRET in text or HALF in text] == []


def test_a_place_that_is_right_is_named():
    assert place("sqlite:///sales@home.db") == "sqlite:///sales@home.db"
    assert place("postgresql://ann:hunter2@db.example:6543/sales") == "db.example:6543/sales"
    assert place("postgresql://ann:hu%40nter2@db.example/sales?sslmode=require") == "db.example:5432/sales"
    assert place("postgresql:///sales?host=/var/run/a@b") == "/var/run/a@b:5432/sales"


def test_a_url_without_its_password_is_still_one():
    for url, without in (
        ("sqlite:///sales@home.db", "sqlite:///sales@home.db"),
        ("postgresql://ann:hunter2@db.example:6543/sales", "postgresql://db.example:6543/sales"),
        ("postgres://ann:hunter2@[::1]/sales?sslmode=require", "postgresql://[::1]:5432/sales"),
        ("postgresql://ann:hunter2@/sales?host=/var/run", "postgresql:///sales?host=/var/run&port=5432"),
        ("postgresql://ann:hun@ter2@db.example/sales", "postgresql://…"),
        ("mysql://ann:hunter2@db", "mysql:…"),
    ):
        assert bare(url) == without
        assert "…" in without or bare(bare(url)) == without


def test_a_password_that_has_to_be_written_otherwise_is_said():
    with pytest.raises(Malformed, match=r"^db: .* in a password write @ as %40"):
        open_log("postgresql://ann:hu@nter2@127.0.0.1/sales")
