"""What spreadsheets and other programs leave in their tables: cells without a column, blanks, empty rows."""

from pathlib import Path

import pytest

from domain.errors import Malformed
from infra.importers.tables import Table
from tests.offenders import every

HEADER = "Id,Created,Stage,Amount"
ROW = "D-1,2026-01-05,Open,100"


def rows(path: Path, text: str) -> list[tuple[dict[str, str], str]]:
    """The rows of a table with what is wrong with them."""
    path.write_text(text)
    table = Table(path, ["Id", "Amount"])
    return [(table.by_column(cells), wrong) for _, cells, wrong in table.rows()]


@every(
    ("header", "row", "wrong"),
    [
        (f"{HEADER},", ROW, ""),
        (f"{HEADER},,", f"{ROW},", ""),
        (f"{HEADER},,", f"{ROW},,,", ""),
        (f"{HEADER},", "D-1,2026-01-05,Open,22,700", "the row has 5 cells, the header 4: is the delimiter part of"),
        (f"{HEADER},,", "D-1,2026-01-05,Open,22,700,", "the row has 6 cells, the header 4: is the delimiter part of"),
        (f"{HEADER}, ", "D-1,2026-01-05,Open", "the row has 3 cells, the header 4"),
        (f",{HEADER}", f"0,{ROW}", ""),
    ],
)
def test_columns_without_a_name_at_the_end_of_a_header_are_none(
    tmp_path: Path, header: str, row: str, wrong: str
) -> None:
    [(_, found)] = rows(tmp_path / "deals.csv", f"{header}\n{row}\n")
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)


def test_rows_without_a_word_are_none(tmp_path: Path) -> None:
    found = rows(tmp_path / "deals.csv", f",,,\n{HEADER}\n,,,\n{ROW}\n , ,,\n,,,,\n")
    assert [(cells["Id"], wrong) for cells, wrong in found] == [("D-1", "")]


@every(
    ("row", "amount"),
    [
        ('D-1, 2026-01-05, Open, "1,000"', "1,000"),
        ('"D-1", "2026-01-05", "Open", "100"', "100"),
        ('D-1, 2026-01-05, Open,  "said ""100"""', 'said "100"'),
        ('D-1,2026-01-05,Open, 5" pipe', '5" pipe'),
    ],
)
def test_a_blank_before_a_quote_is_no_part_of_the_cell(tmp_path: Path, row: str, amount: str) -> None:
    [(cells, wrong)] = rows(tmp_path / "deals.csv", f"{HEADER.replace(',', ', ')}\n{row}\n")
    assert (cells["Amount"], wrong) == (amount, "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('D-1,2026-01-05,Open,"ok\nok"\nD-2,2026-01-05,Open, "5\nD-3,2026-01-05,Open,7\n', 4),
        ('D-1,2026-01-05,Open, "100\nD-2,2026-01-05,Open,5\nD-3,2026-01-05,Open,7"\n', 2),
    ],
)
def test_a_quote_after_a_blank_that_swallows_rows_is_named(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(Malformed, match=rf"deals.csv: line {line}: the quote that opens there"):
        rows(tmp_path / "deals.csv", f"{HEADER}\n{text}")
