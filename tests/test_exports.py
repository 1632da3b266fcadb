"""Exports are whole or not there, exact, and safe to open in a spreadsheet."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow
import pyarrow.parquet
import pytest

from domain.errors import Malformed, NotFound, Unavailable
from infra.application import exports
from infra.application.exports import export

NOON = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
RECORD = {
    "text": "é, \"so\"\nnext", "whole": -5, "exact": Decimal("1E+2"), "share": 0.5, "yes": True, "at": NOON,
    "day": date(2026, 1, 31), "nothing": None, "parts": {"a": [Decimal("1.10"), NOON]}, "id": UUID(int=7),
}  # fmt: skip
COLUMNS = (*RECORD, "missing")


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_says_every_value_exactly(tmp_path: Path) -> None:
    assert export(tmp_path / "a.csv", [RECORD], COLUMNS) == 1
    assert rows(tmp_path / "a.csv") == [
        list(COLUMNS),
        [
            'é, "so"\nnext', "-5", "100", "0.5", "true", "2026-01-31T12:00:00.000005Z", "2026-01-31", "",
            '{"a":["1.10","2026-01-31T12:00:00.000005Z"]}', "00000000-0000-0000-0000-000000000007", "",
        ],
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_text_that_a_spreadsheet_would_carry_out_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    export(tmp_path / "a.csv", [{"a": text}], ["a"])
    assert rows(tmp_path / "a.csv")[1] == [f"'{text}"]


@pytest.mark.parametrize("value", [-1, Decimal("-1.50"), -0.5, "a=b", "'=1", ""])
def test_numbers_and_other_texts_are_left_alone(tmp_path: Path, value: Any) -> None:
    export(tmp_path / "a.csv", [{"a": value, "b": 1}], ["a", "b"])
    assert rows(tmp_path / "a.csv")[1][0] == str(value)


def test_json_lines_are_documents(tmp_path: Path) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    assert export(tmp_path / "a.jsonl", [RECORD, {"at": east}], COLUMNS) == 2
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert (first["exact"], first["at"], first["missing"]) == ("1E+2", "2026-01-31T12:00:00.000005Z", None)
    assert second["at"] == "2026-01-31T12:00:00.000005Z"


def test_parquet_keeps_types_and_exact_numbers(tmp_path: Path) -> None:
    assert export(tmp_path / "a.parquet", [RECORD, dict.fromkeys(COLUMNS)], COLUMNS) == 2
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.schema.field("at").type == pyarrow.timestamp("us", tz="UTC")
    first, second = table.to_pylist()
    assert first == {
        **RECORD, "exact": "100", "parts": '{"a":["1.10","2026-01-31T12:00:00.000005Z"]}',
        "id": str(RECORD["id"]), "missing": None,
    }  # fmt: skip
    assert set(second.values()) == {None}


def test_parquet_of_many_records_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GROUP", 10)
    assert export(tmp_path / "a.parquet", ({"n": number} for number in range(25)), ["n"]) == 25
    file = pyarrow.parquet.ParquetFile(tmp_path / "a.parquet")
    assert file.num_row_groups == 3
    assert file.read().column("n").to_pylist() == list(range(25))


def test_parquet_refuses_a_column_of_two_types_that_shows_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GROUP", 1)
    with pytest.raises(Malformed, match=r"export: 'x' stands in a column of int"):
        export(tmp_path / "a.parquet", [{"n": 1}, {"n": "x"}], ["n"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_nothing_at_all_is_an_export_too(tmp_path: Path, ending: str) -> None:
    assert export(tmp_path / f"a.{ending}", [], ["a"]) == 0
    assert (tmp_path / f"a.{ending}").is_file()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_export_that_breaks_off_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_text("before")

    def records() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        assert path.read_text() == "before"
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        export(path, records(), ["a"])
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [(path.name, "before")]


def test_where_it_cannot_go_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match=r"^export: 'a\.xls' ends with none of \.csv, \.jsonl, \.parquet$"):
        export(tmp_path / "a.xls", [], ["a"])
    with pytest.raises(NotFound, match=r"^export: there is no folder .*nowhere$"):
        export(tmp_path / "nowhere" / "a.csv", [], ["a"])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(Unavailable, match="cannot be written"):
        export(tmp_path / "folder.csv", [], ["a"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unavailable, match=r"pip install 'dealtrail\[parquet\]'"):
        export(tmp_path / "a.parquet", [], ["a"])
    assert [found.name for found in tmp_path.iterdir()] == ["folder.csv"]
