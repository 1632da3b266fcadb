"""Arithmetic that gives the same bits everywhere, beside the library's own; and forecasts that do."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from infra.application.predictions import VERSION
from projections.outlook.backtest import Replay
from projections.outlook.digests import deals_digest, figures_digest
from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
from projections.outlook.portable import (
    apportioned,
    exp,
    gamma,
    interpolated,
    log,
    normal,
    poisson,
    stream,
    uniform,
    words,
)
from tests.offenders import every
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated

GOLDEN = (
    "1ce3ccadc430842812bc3fe9415af0a3c057979b481b4bcdb6f1df07c67d6b54",
    "caf9660c0d2fe4b1b179ec9a30d9a0ec40944719fb334adbdb2aa2f2c0f46810",
    "5539a00ee36dd53da682e17f0e4e60c0b4d1a77c1d887502e00ebd3276fd4e88",
)
"""Of one forecast, of its deals, and of the last of those that learnt from the ones of half a year."""
WIDE = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL X86_V3 X86_V4"
SHARES = uniform(words(stream(1, 1), np.zeros(1, np.uint64), np.arange(20_000)))


def digests() -> tuple[str, str, str]:
    lives = history(7, World(days=330, rate=1.5))
    cut = truncated(lives, lives.cut - 40)
    outlook = forecast(fit(cut), cut, cut.cut + 1, cut.cut + 40)
    return figures_digest(outlook), deals_digest(outlook, cut), learnt_digest()


def learnt_digest() -> str:
    lives = history(7, World(days=330, rate=1.5))
    replay, last = Replay(), ""
    for day in range(lives.cut - 182, lives.cut - 28, 14):
        cut = truncated(lives, day)
        for _, outlook in replay.outlooks(cut, lives.cut):
            last = figures_digest(outlook) + deals_digest(outlook, cut)
    return sha256(last.encode()).hexdigest()


def test_exponentials_and_logarithms_are_right_to_the_last_digit() -> None:
    x = np.linspace(-40, 40, 4001)
    np.testing.assert_allclose(exp(x), np.exp(x), rtol=4e-16)
    np.testing.assert_allclose(log(np.exp(x)), x, rtol=4e-16, atol=2e-16)
    assert exp(np.array([-1e6])) < 1e-300


def test_the_normal_distribution_is_right_to_eight_digits() -> None:
    share = np.concatenate([[1e-9, 1e-4], np.linspace(0.001, 0.999, 999), [1 - 1e-9]])
    expected = [NormalDist().inv_cdf(each) for each in share]
    np.testing.assert_allclose(normal(share), expected, rtol=2e-8, atol=1e-8)


def test_values_between_points_are_in_proportion() -> None:
    points, values = np.array([0.0, 1.0, 3.0]), np.array([5.0, 7.0, 1.0])
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 9.0])
    np.testing.assert_allclose(interpolated(x, points, values), np.interp(x, points, values))


def test_draws_have_the_mean_and_spread_that_they_should() -> None:
    assert abs(SHARES.mean() - 0.5) < 0.01
    drawn = gamma(SHARES, 9.0)
    assert abs(drawn.mean() - 1.0) < 0.01
    assert abs(drawn.var() - 1 / 9) < 0.01
    for mean in (0.3, 4.0, 80.0, 900.0):
        count = poisson(SHARES, np.full(len(SHARES), mean))
        assert abs(count.mean() - mean) < 4 * np.sqrt(mean / len(SHARES))
        assert abs(count.var() / mean - 1) < 0.06


def test_the_words_of_a_key_are_its_own() -> None:
    keys = np.array([3, 99, 12345678901], np.uint64)
    numbers = np.arange(6)
    together = words(stream(4, 2), keys[:, None], numbers[None, :])
    alone = words(stream(4, 2), keys[1:2], numbers)
    np.testing.assert_array_equal(together[1], alone)
    assert len(np.unique(together)) == together.size
    assert stream(4, 2) != stream(4, 3)
    assert stream(4, 2) != stream(5, 2)


def test_whole_numbers_sum_to_what_they_must() -> None:
    assert apportioned(np.array([1.4, 2.4, 3.2]), 7).tolist() == [2, 2, 3]
    assert apportioned(np.array([0.5, 0.5]), 1).tolist() == [1, 0]
    assert apportioned(np.zeros(0), 0).tolist() == []


def test_a_forecast_is_the_same_bytes_as_ever() -> None:
    """Other bytes are another version: what was kept or issued names the one that it was made by."""
    assert {VERSION: digests()} == {"outlook-2": GOLDEN}


@pytest.mark.slow
@every("features", ["", WIDE])
def test_a_forecast_is_the_same_bytes_on_another_processor(features: str) -> None:
    """With wide instructions switched off, where the library has them, and on."""
    code = "from tests.outlook.test_portable import digests; print(*digests())"
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": features}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, env=environment,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert tuple(result.stdout.split()) == GOLDEN
