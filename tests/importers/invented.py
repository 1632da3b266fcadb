"""A Maven folder of invented deals, in either way to write its dates, and what its figures are."""

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

PRICES = {
    "GTX Basic": 550, "GTX Pro": 4821, "MG Special": 55, "MG Advanced": 3393, "GTX Plus Pro": 5482,
    "GTX Plus Basic": 1096, "GTK 500": 26768,
}  # fmt: skip
FIRST_DAY, LAST_DAY = date(2016, 10, 20), date(2017, 12, 31)
STAGES = {"Won": 48, "Lost": 28, "Engaging": 18, "Prospecting": 6}
Row = dict[str, Any]


def maven_folder(path: Path, deals: int, us_dates: bool = False) -> Path:
    """A folder of so many deals, the same ones each time; as a US date, the end of the first has two readings."""
    path.mkdir()
    draw = Random(deals)
    rows = [_row("D1", "Won", "GTX Pro", date(2016, 10, 25), date(2017, 3, 1), 4800)]
    rows += [_drawn(f"D{number}", draw) for number in range(2, deals)]
    rows += [_row(f"D{deals}", "Lost", "MG Special", date(2017, 12, 1), LAST_DAY, 0)]
    with (path / "sales_pipeline.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows({name: _cell(value, us_dates) for name, value in row.items()} for row in rows)
    prices = "".join(f"{product},{product[:3]},{price}\n" for product, price in PRICES.items())
    (path / "products.csv").write_text(f"product,series,sales_price\n{prices}")
    return path


def _drawn(name: str, draw: Random) -> Row:
    [stage] = draw.choices([*STAGES], [*STAGES.values()])
    product = draw.choice([*PRICES])
    engaged = FIRST_DAY + timedelta(days=draw.randrange((LAST_DAY - FIRST_DAY).days))
    closed = min(engaged + timedelta(days=draw.randrange(1, 140)), LAST_DAY)
    return _row(name, stage, product, engaged, closed, round(PRICES[product] * draw.uniform(0.8, 1.2)))


def _row(name: str, stage: str, product: str, engaged: date, closed: date, value: int) -> Row:
    """A row as the folder has it: blank is what has not happened yet, and one product has a second spelling."""
    over = stage in ("Won", "Lost")
    return {
        "opportunity_id": name,
        "sales_agent": ("Ann Abel", "Bob Birch", "Cleo Cedar")[len(product) % 3],
        "product": product.replace("GTX Pro", "GTXPro"),
        "account": "Isdom" if over else "",
        "deal_stage": stage,
        "engage_date": "" if stage == "Prospecting" else engaged,
        "close_date": closed if over else "",
        "close_value": {"Won": value, "Lost": 0}.get(stage, ""),
    }


def _cell(value: object, us_dates: bool) -> object:
    return f"{value.month}/{value.day}/{value.year}" if us_dates and isinstance(value, date) else value


def maven_figures(path: Path) -> dict[str, Any]:
    """What is known of a folder with ISO dates by counting its rows, named as in the figures of the published one."""
    with (path / "sales_pipeline.csv").open() as file:
        rows = list(csv.DictReader(file))
    won, lost = ([row for row in rows if row["deal_stage"] == stage] for stage in ("Won", "Lost"))
    counted = {
        "engaged": _by_quarter(rows, "engage_date"),
        "cohort_won": _by_quarter(won, "engage_date"),
        "cohort_lost": _by_quarter(lost, "engage_date"),
        "period_won": _by_quarter(won, "close_date"),
        "period_lost": _by_quarter(lost, "close_date"),
    }
    return {
        "counts": Counter(row["deal_stage"] for row in rows),
        "won_value": sum(int(row["close_value"]) for row in won),
        "win_rate_count": round(len(won) / (len(won) + len(lost)), 4),
        "win_rate_value_close_value": 1.0,  # what was lost has closed for nothing
        "by_quarter": {
            quarter: {name: each[quarter] for name, each in counted.items()} for quarter in counted["engaged"]
        },
    }


def _by_quarter(rows: list[dict[str, str]], column: str) -> Counter[str]:
    days = [date.fromisoformat(row[column]) for row in rows if row[column]]
    return Counter(f"{day.year}Q{(day.month + 2) // 3}" for day in days)
