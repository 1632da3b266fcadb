"""The lives of deals straight from published tables, for measuring how well they are forecast."""

import csv
from datetime import date
from pathlib import Path

import numpy as np

from projections.outlook.lives import (
    CENSORED,
    LOST,
    NEVER,
    NONE,
    OPEN,
    TO_LOST,
    TO_WON,
    WON,
    Deals,
    Labels,
    Lives,
    Visits,
)
from projections.outlook.portable import mixed

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def coded(texts: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    labels = tuple(sorted(set(texts)))
    place = {text: code for code, text in enumerate(labels)}
    return labels, np.array([place[text] for text in texts])


def maven(folder: Path) -> Lives:
    """All of it, to the last day of 2017: one stage, amounts known before by the price list, complete from March on."""
    deals = [row for row in rows(folder / "sales_pipeline.csv") if row["engage_date"]]
    price = {row["product"]: int(row["sales_price"]) * 100 for row in rows(folder / "products.csv")}
    manager = {row["sales_agent"]: row["manager"] for row in rows(folder / "sales_teams.csv")}
    products = [row["product"].replace("GTXPro", "GTX Pro") for row in deals]
    opened = np.array([day(row["engage_date"]) for row in deals])
    closed = np.array([day(row["close_date"]) if row["close_date"] else NEVER for row in deals])
    status = np.array([{"Won": WON, "Lost": LOST}.get(row["deal_stage"], OPEN) for row in deals])
    listed = np.array([price[each] for each in products])
    booked = np.array([int(row["close_value"] or 0) * 100 for row in deals])
    product_labels, product = coded(products)
    owner_labels, owner = coded([row["sales_agent"] for row in deals])
    team_labels, team = coded([manager[row["sales_agent"]] for row in deals])
    n = len(deals)
    zero, none = np.zeros(n, np.int64), np.full(n, NONE)
    still = status == OPEN
    key = mixed(np.array([int.from_bytes(row["opportunity_id"].encode(), "big") for row in deals], np.uint64))
    table = Deals(
        key, opened, closed, status, np.where(still, 0, NONE), np.where(still, opened, NONE), listed, listed,
        np.where(status == WON, booked, listed), zero, team, owner, product, none, none, none, none, zero,
    )  # fmt: skip
    way = np.where(status == WON, TO_WON, np.where(status == LOST, TO_LOST, CENSORED))
    at = np.flatnonzero(closed > opened)
    visits = Visits(at, zero[at], opened[at], opened[at], closed[at], way[at], none[at], none[at], none[at], zero[at])
    labels = Labels((("sales", "Engaging"),), (5000,), ("sales",), team_labels, owner_labels, product_labels, (), ())
    return Lives(day("2017-12-31"), day("2017-03-01"), "USD", visits, table, labels)
