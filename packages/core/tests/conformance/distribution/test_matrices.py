"""The matrices that the distribution level sees within a kernel, and the law that it holds them to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from fanin import Initializer, dirac, orthogonal
from fanin.conformance.case import Case
from fanin.conformance.distribution.matrices import centre, matrices_of
from fanin.conformance.distribution.orthogonal import normal_again


def _numbered(shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.arange(float(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "layout", "made"),
    [
        ((4, 3), "OI", lambda w, s, r, c, t: w[r, c]),
        ((4, 3), "IO", lambda w, s, r, c, t: w[c, r]),
        ((2, 4, 3), "SOI", lambda w, s, r, c, t: w[s, r, c]),
        ((4, 2, 3), "ISO", lambda w, s, r, c, t: w[c, s, r]),
        ((4, 3, 2, 5), "OIHW", lambda w, s, r, c, t: w[r, c, t // 5, t % 5]),
        ((5, 2, 3, 4), "WHIO", lambda w, s, r, c, t: w[t % 5, t // 5, c, r]),
        ((2, 3, 4), "OIO", lambda w, s, r, c, t: w[r // 4, c, r % 4]),
    ],
)
def test_a_matrix_is_found_in_every_layout(shape: tuple[int, ...], layout: str, made: object) -> None:
    weights = _numbered(shape)
    found = matrices_of(weights, Case(shape, orthogonal(), layout))
    for stack, group, row, column, tap in itertools.product(*map(range, found.shape)):
        assert group == 0
        assert found[stack, group, row, column, tap] == made(weights, stack, row, column, tap)  # type: ignore[operator]
    assert found.size == weights.size


def test_each_group_has_a_matrix() -> None:
    weights = _numbered((6, 2, 3))
    found = matrices_of(weights, Case((6, 2, 3), dirac(), "OIW", groups=3))
    assert found.shape == (1, 3, 2, 2, 3)
    assert all(found[0, o // 2, o % 2, i, w] == weights[o, i, w] for o, i, w in np.ndindex(6, 2, 3))


def test_the_groups_of_a_transposed_convolution_split_its_inputs() -> None:
    weights = _numbered((6, 4, 3))
    found = matrices_of(weights, Case((6, 4, 3), dirac(), "IOW", groups=3, transposed=True))
    assert found.shape == (1, 3, 4, 2, 3)
    assert all(found[0, i // 2, o, i % 2, w] == weights[i, o, w] for i, o, w in np.ndindex(6, 4, 3))


@pytest.mark.parametrize(
    ("shape", "layout", "tap"),
    [((4, 3), "OI", 0), ((4, 3, 3), "OIW", 1), ((4, 3, 4), "OIW", 2), ((5, 4, 3, 2), "WHIO", 2 * 5 + 2)],
)
def test_the_centre(shape: tuple[int, ...], layout: str, tap: int) -> None:
    initializer: Initializer = dirac()
    assert centre(Case(shape, initializer, layout)) == tap


def test_a_uniform_matrix_is_made_normal_again() -> None:
    """SciPy's orthogonal group, of whose matrices three columns are taken; and what is not uniform stays apart."""
    matrices = stats.ortho_group.rvs(8, size=2000, random_state=3)[:, :, :3]
    generator = np.random.default_rng(4)
    normal = np.array([normal_again(matrix, generator) for matrix in matrices]).reshape(2000, 24)
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-3
    assert float(np.abs(np.corrcoef(normal.T) - np.eye(24)).max()) < 5 / np.sqrt(2000)
    turned = np.array([normal_again(matrix * np.sign(matrix[0]), generator) for matrix in matrices]).reshape(2000, 8, 3)
    assert stats.kstest(turned[:, 0, 0], "norm").pvalue < 1e-100
