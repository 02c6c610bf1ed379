"""What the checks of laws call that which they find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr, ndtri

from fanin import Initializer
from fanin.conformance import NotClaimed, run
from fanin.initializers import Normal, Orthogonal

from ..doubles import OnesAdapter

Floats = npt.NDArray[np.float64]


class Pairs(OnesAdapter):
    """Draws normals whose pairs are changed."""

    def __init__(self, change: Callable[[Floats, Floats], Floats]) -> None:
        self.change = change

    def sample(self, initializer: Initializer, shape: tuple[int, ...], **rest: Any) -> npt.NDArray[Any]:
        if not isinstance(initializer, Normal) or initializer.mean or rest["dtype"] != "float32":
            raise NotClaimed("normals only")
        first, second = np.random.default_rng(rest["seed"]).normal(size=(2, *shape[:-1], shape[-1] // 2))
        pairs = np.stack((first, self.change(first, second)), axis=-1).reshape(shape)
        return (initializer.std * pairs).astype(np.float32)


def _mixed(first: Floats, second: Floats) -> Floats:
    mixed: Floats = 0.05 * first + np.sqrt(1 - 0.05**2) * second
    return mixed


def _one_radius(first: Floats, second: Floats) -> Floats:
    """The second of each pair has a magnitude that goes with the first one's, and a sign of its own."""
    score = 0.5 * ndtri(2 * ndtr(np.abs(first)) - 1) + np.sqrt(0.75) * second
    magnitudes: Floats = ndtri((1 + ndtr(score)) / 2)
    changed: Floats = magnitudes * np.random.default_rng(1).choice([-1.0, 1.0], first.shape)
    return changed


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_mixed, "weights 1 apart are correlated by +2."),
        (_one_radius, "the magnitudes of weights 1 apart go together"),
    ],
)
def test_correlated_pairs_have_a_name(change: Callable[[Floats, Floats], Floats], named: str) -> None:
    report = run(Pairs(change), only=["correlation.lags"])
    assert report.failures
    assert all(failure.mistake.startswith(named) for failure in report.failures)


class SingleOrthogonal(OnesAdapter):
    """Orthogonal matrices in single precision, whatever the dtype."""

    def sample(self, initializer: Initializer, shape: tuple[int, ...], **rest: Any) -> npt.NDArray[Any]:
        if not isinstance(initializer, Orthogonal) or len(shape) > 2 or rest["dtype"] == "bfloat16":
            raise NotClaimed("orthogonal matrices only")
        rows, columns = shape if rest["layout"] == "OI" else shape[::-1]
        long, short = max(rows, columns), min(rows, columns)
        factor, triangle = np.linalg.qr(np.random.default_rng(rest["seed"]).normal(size=(long, short)))
        made = (factor * np.sign(np.diag(triangle)) * initializer.gain).astype(np.float32)
        made = made if (rows, columns) == (long, short) else made.T
        return (made if rest["layout"] == "OI" else made.T).astype(rest["dtype"])


def test_single_precision_is_not_another_matrix() -> None:
    report = run(SingleOrthogonal(), only=["matrices.orthogonal"])
    (failure,) = report.failures
    assert "dtype='float64'" in failure.call
    assert failure.mistake.startswith("the weights have the precision of float32")
