"""Seeds and names: the same give the same, others give independent tensors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.sample import SampleTrial, geometry_of, initializer_of
from fanin.conformance.distribution.statistics import z_detects, z_limit
from fanin.initializers.matrices import DeltaOrthogonal, Orthogonal, Sparse
from fanin.initializers.presets import (
    delta_orthogonal,
    he_truncated_normal,
    normal,
    orthogonal,
    sparse,
    truncated_normal,
    uniform,
)

__all__ = ["STREAM_CHECKS"]

_N: Final = 1 << 14
_SHIFTS: Final = (-2, -1, 0, 1, 2)

SEEDS: Final = (
    0,
    1,
    2,
    3,
    1 << 31,
    1 << 32,
    (1 << 32) + 1,
    (2 << 32) + 1,
    (1 << 32) + 2,
    1 << 33,
    1 << 63,
    (1 << 64) - 1,
)
"""Neighbours; seeds whose halves are equal, exchanged, or have the same XOR; seeds beyond 32 bits."""

NAMES: Final = (
    "a",
    "b",
    "ab",
    "ba",
    "A",
    "a ",
    "ab.c",
    "a.bc",
    "abc",
    "layers.1.weight",
    "layers.2.weight",
    "layers.11.weight",
    "layers.1.1weight",
    "weight.1.layers",
    "layers.1.bias",
    "é",
    "e\u0301",
)
"""Names that are one when letters are reordered, cases or separators dropped, text cut, or Unicode normalised."""

_LAWS: Final = (
    Case((_N,), normal(std=1.0), "O"),
    Case((_N,), uniform(-1.0, 1.0), "O"),
    Case((_N,), truncated_normal(std=1.0), "O"),
    Case((128, _N // 128), "he", "OI"),
    Case((128, _N // 128), "he_uniform", "OI"),
    Case((128, _N // 128), he_truncated_normal(), "OI"),
)
LAWS: Final = (
    *(
        dataclasses.replace(case, dtype=dtype)
        for dtype in ("float32", "float64", "float16", "bfloat16")
        for case in _LAWS
    ),
    Case((64, 8, _N // 512), "he", "OIW", groups=4),
    Case((4, 64, _N // 256), "he", "SOI"),
    Case((128, _N // 128), orthogonal(), "OI"),
    Case((128, _N // 128, 1), delta_orthogonal(), "OIW"),
    Case((128, _N // 128), sparse(0.3), "OI"),
)
"""Streams are compared by tensors of each of these: a seed may be ignored by one law, dtype or rule alone."""

_MATRIX: Final = (64, 37)

REPEATED: Final = (
    Case(_MATRIX, "he", "OI", seed=5, name="a.weight"),
    Case(_MATRIX, "he_uniform", "OI", seed=6, name="a.weight"),
    Case(_MATRIX, he_truncated_normal(), "OI", seed=8, name="a.weight"),
    Case(_MATRIX, normal(std=1.0), "OI", seed=9, name="a.weight"),
    Case(_MATRIX, uniform(-1.0, 1.0), "OI", seed=10, name="a.weight"),
    Case(_MATRIX, truncated_normal(std=1.0), "OI", seed=11, name="a.weight"),
    Case(_MATRIX, orthogonal(), "OI", seed=12, name="a.weight"),
    Case((*_MATRIX, 3), delta_orthogonal(), "OIW", seed=13, name="a.weight"),
    Case(_MATRIX, sparse(0.3), "OI", seed=14, name="a.weight"),
    *(
        Case(_MATRIX, normal(std=1.0), "OI", seed=15, name="a.weight", dtype=dtype)
        for dtype in ("float64", "float16", "bfloat16")
    ),
)
"""A tensor of each law, and of each dtype: an implementation is asked for those that it claims, however few."""


def seeds(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether tensors of different seeds are uncorrelated, at equal places and shifted by one and two."""
    for case in LAWS:
        yield from _pairwise(trial, [(seed, _named(case, "w", seed)) for seed in SEEDS], "seed")


def names(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether tensors of different names are uncorrelated, at equal places and shifted by one and two."""
    if not trial.adapter.named:
        yield Result(on="names", verdict="skipped", note="the implementation does not claim streams by name")
        return
    for case in LAWS:
        yield from _pairwise(trial, [(name, _named(case, name, 1)) for name in NAMES], "name")


def _named(case: Case, name: str, seed: int) -> Case:
    """Return the case with a seed and a name; the slices of a stack have names of their own."""
    stack = (case.layout or "").startswith("S")
    return dataclasses.replace(
        case, seed=seed, name=tuple(f"{k}.{name}" for k in range(case.shape[0])) if stack else name
    )


def _pairwise(trial: SampleTrial, cases: list[tuple[Any, Case]], what: str) -> Iterator[Result]:
    found = [(which, case, trial.drawn(case)) for which, case in cases]
    yield from {(drawn.note, drawn.got): drawn for *_, drawn in found if isinstance(drawn, Result)}.values()
    claimed = [(which, case, drawn) for which, case, drawn in found if not isinstance(drawn, Result)]
    if len(claimed) < 2:
        return
    cases, drawn = [(which, case) for which, case, _ in claimed], [drawn for *_, drawn in claimed]
    yield _correlated(trial, cases, what, np.stack([_standard(case, values) for _, case, values in claimed]))
    law = initializer_of(cases[0][1])
    if isinstance(law, Sparse):
        kept = np.stack([values.ravel() != 0 for values in drawn]) - np.float32(1 - law.sparsity)
        yield _correlated(
            trial, cases, what, kept / np.float32(math.sqrt(law.sparsity * (1 - law.sparsity))), "zeros of "
        )


def _standard(case: Case, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the weights with mean 0 and variance 1, flat.

    Two uniform m x n matrices, m >= n, have an inner product of variance n / m, that of mn products of such weights.
    """
    law = initializer_of(case)
    if isinstance(law, Orthogonal | DeltaOrthogonal):
        return (values.ravel() * (math.sqrt(case.shape[0]) / law.gain)).astype(np.float32)
    if isinstance(law, Sparse):
        return (values.ravel() / (law.std * math.sqrt(1 - law.sparsity))).astype(np.float32)
    expected = ExpectedLaw.of(law.law(geometry_of(case).fans() if case.layout else None))
    return ((values.astype(np.float64).ravel() - expected.mean) / expected.std).astype(np.float32)


def _correlated(
    trial: SampleTrial, cases: list[tuple[Any, Case]], what: str, matrix: npt.NDArray[np.float32], of: str = ""
) -> Result:
    tests = len(cases) * (len(cases) - 1) // 2 * len(_SHIFTS)
    limit = z_limit(trial.alpha / tests)
    worst, at = 0.0, (0, 0, 0)
    for shift in _SHIFTS:
        ahead, behind = matrix[:, max(shift, 0) :], matrix[:, max(-shift, 0) :]
        size = _N - abs(shift)
        z = np.triu(ahead[:, :size] @ behind[:, :size].T, 1) / math.sqrt(size)
        first, second = np.unravel_index(int(np.argmax(np.abs(z))), z.shape)
        if abs(z[first, second]) > abs(worst):
            worst, at = float(z[first, second]), (int(first), int(second), shift)
    (one, case), (other, second_case) = cases[at[0]], cases[at[1]]
    pair = f"{what} {one!r} and {what} {other!r}"
    return judge(
        f"{of}{len(cases)} tensors of {_N} weights, each with a {what} of its own: {trial.call(cases[0][1])}",
        f"√n times the largest correlation of two tensors ({pair}, shifted by {at[2]})",
        worst,
        n=_N,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"two tensors with correlation {z_detects(trial.alpha / tests) / math.sqrt(_N):.3f}",
        call=f"{trial.call(case)} against {trial.call(second_case)}",
        mistake=f"{pair} select the same stream"
        if abs(worst) > 0.9 * math.sqrt(_N)
        else "the streams overlap or share bits",
        note=f"{tests} pairs and shifts",
    )


def repeatable(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether the same seed and name give the same tensor, also after another one, for every law claimed."""
    for case in REPEATED:
        call = trial.call(case)
        other = dataclasses.replace(case, seed=7, name="b.weight")
        drawn = [trial.drawn(each) for each in (case, case, other, case)]
        if refused := next((each for each in drawn if isinstance(each, Result)), None):
            yield refused
            continue
        first, again, _, later = (each for each in drawn if not isinstance(each, Result))
        different = int(np.count_nonzero(first != again)) + int(np.count_nonzero(first != later))
        yield judge(
            call,
            "the number of weights that differ between equal calls",
            different,
            n=first.size,
            high=0,
            detects="any difference",
            mistake="the seed does not fix the weights: a global generator, or state kept between calls",
        )


STREAM_CHECKS: Final = (
    Check("streams.repeatable", "distribution", "the same seed and name give the same weights", repeatable),
    Check("streams.seeds", "distribution", "different seeds give independent tensors", seeds),
    Check("streams.names", "distribution", "different names give independent tensors", names),
)
