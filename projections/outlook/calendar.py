"""Days as whole numbers since 1970-01-01: months, and the month of the quarter a day lies in."""

import numpy as np

from projections.outlook.lives import Ints


def months(days: Ints) -> Ints:
    """Months since 1970-01 of days."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def month_of_quarter(days: Ints) -> Ints:
    """0, 1 or 2: the month of its quarter that each day lies in."""
    return months(days) % 3


def quarter_end(day: int) -> int:
    """The last day of the quarter that a day lies in."""
    last = int(months(np.array([day]))[0]) // 3 * 3 + 3
    return int(np.array([last], "datetime64[M]").astype("datetime64[D]").astype(np.int64)[0]) - 1
