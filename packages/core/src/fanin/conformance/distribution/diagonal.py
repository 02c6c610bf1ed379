"""Identity matrices and Dirac kernels, which are what they are: nothing is left to chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.matrices import Floats, centre, matrices_of
from fanin.conformance.distribution.sample import SampleTrial, initializer_of
from fanin.dtypes import DTYPES
from fanin.initializers.matrices import Dirac, Identity
from fanin.initializers.presets import dirac, identity

__all__ = ["DIAGONAL_CHECKS"]

DIAGONAL: Final = (
    Case((7, 5), identity(), "OI"),
    Case((5, 7), identity(), "OI"),
    Case((5, 7), identity(0.3), "IO"),
    Case((6, 6), identity(), "OI", dtype="float64"),
    Case((6, 6), identity(), "OI", dtype="float16"),
    Case((6, 6), identity(), "OI", dtype="bfloat16"),
    Case((3, 7, 5), identity(), "SOI"),
    Case((7, 4, 3), dirac(), "OIW"),
    Case((4, 7, 3, 5), dirac(), "OIHW"),
    Case((3, 5, 4, 7), dirac(0.3), "HWIO"),
    Case((4, 3, 3, 5, 7), dirac(), "OIDHW"),
    Case((5, 3, 4), dirac(), "OIW"),
    Case((4, 3, 2, 6), dirac(), "OIHW"),
    Case((6, 2, 3), dirac(), "OIW", groups=3),
    Case((6, 3, 3, 5), dirac(), "OIHW", groups=2),
    Case((6, 2, 3), dirac(), "IOW", groups=3, transposed=True),
)
"""Tall and wide, and of kernels odd and even ones. (An implementation need not state the centre of an even one.)"""


def diagonals(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many weights are not the ones that the law states."""
    for case in DIAGONAL:
        drawn = trial.drawn(case)
        if isinstance(drawn, Result):
            yield drawn
            continue
        law = initializer_of(case)
        assert isinstance(law, Identity | Dirac)
        found = matrices_of(drawn, case)
        wanted = np.zeros_like(found)
        wanted[..., centre(case)] = DTYPES[case.dtype].round(law.gain) * np.eye(*found.shape[2:4])
        yield judge(
            trial.call(case),
            f"the number of weights that are not those of a diagonal of {law.gain:g}",
            int(np.count_nonzero(found != wanted)),
            n=drawn.size,
            high=0,
            detects="any other weight",
            mistake=lambda found=found, wanted=wanted: _mistake(found, wanted),  # type: ignore[misc]
        )


def _mistake(found: Floats, wanted: Floats) -> str:
    if np.array_equal(found.sum(axis=-1), wanted.sum(axis=-1)):
        return "the matrix is right, and stands at another tap than the centre"
    if np.array_equal(found != 0, wanted != 0):
        return "the gain"
    if np.array_equal(found[..., ::-1, :], wanted) or np.array_equal(found[..., :, ::-1, :], wanted):
        return "the matrix is turned round: the antidiagonal"
    return "rows or groups are counted in another way"


DIAGONAL_CHECKS: Final = (
    Check("matrices.identity", "distribution", "identity matrices and Dirac kernels are exactly that", diagonals),
)
