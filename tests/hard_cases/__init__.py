"""The ten cases that break naive pipelines, each driven by commands on a real log, with figures worked out by hand."""

from decimal import Decimal

A, B, C, D = "opportunity-a", "opportunity-b", "opportunity-c", "opportunity-d"


def money(amount: str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"))
