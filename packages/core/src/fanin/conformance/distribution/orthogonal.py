"""Orthogonal matrices: orthonormal but for rounding, and uniformly (Haar) distributed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, ndtr

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.matrices import Floats, centre, matrices_of
from fanin.conformance.distribution.sample import SampleTrial, initializer_of
from fanin.conformance.distribution.statistics import (
    binomial_interval,
    cdf_detects,
    cdf_distance,
    cdf_limit,
    z_detects,
    z_limit,
)
from fanin.dtypes import DTYPES
from fanin.initializers.matrices import DeltaOrthogonal, Orthogonal
from fanin.initializers.presets import delta_orthogonal, orthogonal

__all__ = ["ORTHOGONAL_CHECKS"]

ORTHONORMAL: Final = (
    Case((48, 32), orthogonal(), "OI", seed=501, name="tall.weight"),
    Case((32, 48), orthogonal(), "OI", seed=502, name="wide.weight"),
    Case((40, 40), orthogonal(), "IO", seed=503, name="square.weight"),
    Case((32, 48), orthogonal(1.7), "IO", seed=504, name="gain.weight"),
    Case((24, 5, 3, 5), orthogonal(0.6), "OIHW", seed=505, name="conv.weight"),
    Case((96, 2, 3, 5), orthogonal(), "OIHW", seed=506, name="conv.weight"),
    Case((3, 5, 4, 24), orthogonal(), "HWIO", seed=507, name="conv.weight"),
    Case((48, 32), orthogonal(1.7), "OI", seed=508, name="wide.weight", dtype="float64"),
    Case((48, 32), orthogonal(), "OI", seed=509, name="wide.weight", dtype="float16"),
    Case((48, 32), orthogonal(), "OI", seed=510, name="wide.weight", dtype="bfloat16"),
    Case((12, 2, 3, 5), orthogonal(), "OIHW", groups=3, seed=511, name="grouped.weight"),
    Case((12, 5, 3), orthogonal(), "IOW", groups=4, transposed=True, seed=512, name="up.weight"),
    Case((3, 24, 16), orthogonal(), "SOI", seed=513, name=("experts.0", "experts.1", "experts.2")),
    Case((3, 5, 12, 20), delta_orthogonal(1.3), "HWIO", seed=514, name="delta.weight"),
    Case((20, 12, 3), delta_orthogonal(), "OIW", seed=515, name="delta.weight"),
    Case((20, 12, 4, 3), delta_orthogonal(), "OIHW", seed=516, name="delta.weight"),
)

_SMALL: Final = 512
SMALL: Final = (
    Case((6, 4), orthogonal(), "OI", seed=10_000, name="small.weight"),
    Case((4, 6), orthogonal(2.0), "OI", seed=11_000, name="small.weight"),
    Case((5, 5), orthogonal(), "OI", seed=12_000, name="small.weight"),
    Case((3, 2, 2), orthogonal(), "OIW", seed=13_000, name="small.weight"),
)
"""Of each so many are drawn, with the seeds from the one that stands here."""

LARGE: Final = (
    Case((2048, 16), orthogonal(), "OI", seed=521, name="tall.weight"),
    Case((16, 2048), orthogonal(0.5), "OI", seed=522, name="wide.weight"),
    Case((256, 256), orthogonal(), "OI", seed=523, name="square.weight"),
    Case((64, 16, 3, 5), orthogonal(), "OIHW", seed=524, name="conv.weight"),
)


def orthonormal(trial: SampleTrial) -> Iterator[Result]:
    """Yield how far the shorter of W W^T and W^T W, over the gain squared, is from the identity.

    Rounding moves an element by 8u at most (the weight, the gain and their product are rounded, each twice in the
    square) and a Householder QR of an m × n matrix by mn units of the format that it computes in, float32 or float64
    (Higham 2002, "Accuracy and Stability of Numerical Algorithms", theorem 19.4, with 1 for its constant). Of a kernel
    with several matrices no two may be equal.
    """
    for case in ORTHONORMAL:
        drawn = trial.drawn(case)
        if isinstance(drawn, Result):
            yield drawn
            continue
        law = initializer_of(case)
        assert isinstance(law, Orthogonal | DeltaOrthogonal)
        split = matrices_of(drawn, case)
        outside = 0
        if isinstance(law, DeltaOrthogonal):
            others = np.arange(split.shape[-1]) != centre(case)
            outside = int(np.count_nonzero(split[..., others]))
            split = split[..., ~others]
        found = _flat(split) / law.gain
        rounding = (2.0 ** -(DTYPES[case.dtype].mantissa + 1), 2.0 ** -(53 if case.dtype == "float64" else 24))
        tolerance = 8 * rounding[0] + found.shape[1] * found.shape[2] * rounding[1]
        defect = _defect(found)
        wrong = f"{outside} weights outside of the centre tap are not 0" if outside else ""
        if len(np.unique(found.reshape(len(found), -1), axis=0)) < len(found):
            wrong = "groups or slices of a stack have the same matrix"
        yield judge(
            trial.call(case),
            "the largest element of W W^T or W^T W, over the gain squared, less the identity"
            + (", with all other taps 0" if isinstance(law, DeltaOrthogonal) else ""),
            max(defect, 1.0) if wrong else defect,
            n=drawn.size,
            high=tolerance,
            detects=f"a gain that is off by {tolerance:.2g}",
            mistake=wrong or (_mistake(found, law.gain, case.dtype, tolerance) if defect > tolerance else ""),
        )


def _flat(split: Floats) -> Floats:
    """Return the matrices (matrix, row, column), with a kernel's taps among the columns."""
    return split.reshape(-1, split.shape[2], split.shape[3] * split.shape[4])


def _short(matrices: Floats) -> Floats:
    """Return the matrices, those with more rows than columns transposed."""
    return matrices if matrices.shape[1] <= matrices.shape[2] else matrices.swapaxes(1, 2)


def _defect(matrices: Floats) -> float:
    short = _short(matrices)
    return float(np.max(np.abs(short @ short.swapaxes(1, 2) - np.eye(short.shape[1]))))


def _mistake(matrices: Floats, gain: float, dtype: str, tolerance: float) -> str:
    single = 2.0**-24 * (8 + matrices.shape[1] * matrices.shape[2])
    if dtype == "float64" and _defect(matrices) <= single:
        return "the weights have the precision of float32: drawn or decomposed in it, and widened to float64"
    squares = np.sum(np.square(_short(matrices)), axis=2)
    ratio = math.sqrt(float(np.mean(squares)))
    if _defect(matrices / ratio) <= tolerance:
        missing = abs(ratio * gain - 1) < 1e-3
        return "the gain is missing" if missing else f"the matrix is {ratio:.5g} times what it should be"
    if float(np.max(np.abs(squares - 1))) <= tolerance:
        return "rows or columns have the right norm, and are not orthogonal"
    return "the matrix is not orthogonal: another matrix of the kernel was made so, or its long side"


def haar(trial: SampleTrial) -> Iterator[Result]:
    """Yield what distinguishes the uniform law from other laws of orthogonal matrices."""
    for case in SMALL:
        yield from _small(trial, case)
    for case in LARGE:
        yield from _large(trial, case)


def _small(trial: SampleTrial, case: Case) -> Iterator[Result]:
    """Yield signs and first entries of many small matrices.

    A change of sign of a row or column leaves the law as it is, so each diagonal element, and the determinant, is
    above 0 with probability 1/2. A column is uniform on the sphere in d dimensions, d the longer side, so that the
    square of its first element is Beta(1/2, (d - 1)/2).
    """
    found: list[Floats] = []
    for k in range(_SMALL):
        drawn = trial.drawn(dataclasses.replace(case, seed=case.seed + k))
        if isinstance(drawn, Result):
            yield drawn
            return
        found.append(_flat(matrices_of(drawn, case))[0])
    matrices = np.stack(found)
    on = f"{_SMALL} of {trial.call(case)}, with a seed each"
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    counts = np.count_nonzero(diagonal > 0, axis=0)
    worst = int(np.argmax(np.abs(counts - _SMALL / 2)))
    low, high = binomial_interval(_SMALL, 0.5, trial.alpha)
    detected = f"½ ± {z_detects(trial.alpha) / 2 / math.sqrt(_SMALL):.0%}"
    yield judge(
        f"{on}, signs",
        f"how often element {worst} of the diagonal is above 0",
        int(counts[worst]),
        n=_SMALL,
        low=low,
        high=high,
        alpha=counts.size * trial.alpha,
        detects=f"an element of the diagonal that is above 0 with probability {detected}",
        mistake="the signs of the QR decomposition are not those of a triangular factor with a positive diagonal",
    )
    if matrices.shape[1] == matrices.shape[2]:
        yield judge(
            f"{on}, determinants",
            "how often the determinant is above 0",
            int(np.count_nonzero(np.linalg.det(matrices) > 0)),
            n=_SMALL,
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=f"a determinant that is above 0 with probability {detected}",
            mistake="the matrices are rotations, or reflections, only",
        )
    law = initializer_of(case)
    assert isinstance(law, Orthogonal)
    longer = max(matrices.shape[1:])
    squares = np.clip(np.square(matrices[:, 0, 0] / law.gain), 0.0, 1.0)
    yield judge(
        f"{on}, first elements",
        f"the distance of the first elements' squares from Beta(1/2, {longer - 1}/2)",
        cdf_distance(squares, lambda x: betainc(0.5, (longer - 1) / 2, x)),
        n=_SMALL,
        high=cdf_limit(_SMALL, trial.alpha),
        alpha=trial.alpha,
        detects=f"a distribution function that is off by {cdf_detects(_SMALL, trial.alpha):.2f}",
        mistake="columns are not uniform on the sphere of the longer side",
    )


def normal_again(matrix: Floats, generator: np.random.Generator) -> Floats:
    """Return Q T for a matrix Q with orthonormal columns: independent standard normal numbers, if Q is uniform.

    A normal matrix has a uniform Q and, independent of it, a triangular factor T whose diagonal is chi with m, m - 1,
    ... degrees of freedom and whose other elements are standard normal (Bartlett's decomposition; Muirhead 1982,
    "Aspects of Multivariate Statistical Theory", theorem 3.2.14). So a T of our own undoes the decomposition.
    """
    m, n = matrix.shape
    triangular = np.triu(generator.standard_normal((n, n)), 1)
    triangular[np.diag_indices(n)] = np.sqrt(generator.chisquare(m - np.arange(n)))
    made: Floats = matrix @ triangular
    return made


def _large(trial: SampleTrial, case: Case) -> Iterator[Result]:
    """Yield the mean and the law of all elements, after the decomposition is undone: exact, since they are normal."""
    drawn = trial.drawn(case)
    if isinstance(drawn, Result):
        yield drawn
        return
    law = initializer_of(case)
    assert isinstance(law, Orthogonal)
    short: npt.NDArray[Any] = _short(_flat(matrices_of(drawn, case)))[0] / law.gain
    elements = normal_again(short.T, np.random.default_rng([trial.seed, case.seed])).ravel()
    limit = z_limit(trial.alpha)
    yield judge(
        f"{trial.call(case)}, mean",
        "the mean of the elements, made normal again, in standard errors",
        float(np.sum(elements)) / math.sqrt(elements.size),
        n=elements.size,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"elements, made normal again, whose mean is {z_detects(trial.alpha) / math.sqrt(elements.size):.2%} "
        f"of σ",
        mistake="the elements are on one side",
    )
    yield judge(
        f"{trial.call(case)}, elements",
        "the distance of the elements, made normal again, from the normal law",
        cdf_distance(elements, ndtr),
        n=elements.size,
        high=cdf_limit(elements.size, trial.alpha),
        alpha=trial.alpha,
        detects=f"elements, made normal again, whose distribution function is off by "
        f"{cdf_detects(elements.size, trial.alpha):.3f}",
        mistake="the decomposed matrix is not normal, or only part of the orthogonal matrix is drawn",
    )


ORTHOGONAL_CHECKS: Final = (
    Check("matrices.orthogonal", "distribution", "orthogonal matrices are orthogonal, with their gain", orthonormal),
    Check("matrices.haar", "distribution", "orthogonal matrices are uniformly distributed", haar),
)
