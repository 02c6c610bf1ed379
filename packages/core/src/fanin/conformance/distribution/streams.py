"""Seeds and names: the same give the same, others give independent tensors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from fanin.conformance.cases import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.statistics import z_detects, z_limit
from fanin.matrix_presets import delta_orthogonal, orthogonal, sparse
from fanin.presets import he_truncated_normal, normal, truncated_normal, uniform

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

LAWS: Final = (
    Case((_N,), normal(std=1.0), "O"),
    Case((_N,), uniform(-1.0, 1.0), "O"),
    Case((_N,), truncated_normal(std=1.0), "O"),
    Case((128, _N // 128), "he", "OI"),
    Case((128, _N // 128), "he_uniform", "OI"),
    Case((128, _N // 128), he_truncated_normal(), "OI"),
    Case((_N,), normal(std=1.0), "O", dtype="float64"),
)
"""Streams are compared by tensors of the first of these laws that is claimed."""

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
    yield from _pairwise(trial, [dataclasses.replace(_law(trial), seed=seed, name="w") for seed in SEEDS], "seed")


def names(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether tensors of different names are uncorrelated, at equal places and shifted by one and two."""
    if not trial.adapter.named:
        yield Result(on="names", verdict="skipped", note="the implementation does not claim streams by name")
        return
    yield from _pairwise(trial, [dataclasses.replace(_law(trial), seed=1, name=name) for name in NAMES], "name")


def _law(trial: SampleTrial) -> Case:
    """Return the first law that is claimed; the first one of all, whose reason is then reported, where none is."""
    for case in LAWS:
        if not isinstance(trial.drawn(dataclasses.replace(case, seed=1, name="w")), Result):
            return case
    return LAWS[0]


def _pairwise(trial: SampleTrial, cases: list[Case], what: str) -> Iterator[Result]:
    drawn: dict[Case, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    for case in cases:
        found = trial.guarded(case, lambda case=case: trial.sample(case))  # type: ignore[misc]
        if isinstance(found, Result):
            yield found
        else:
            drawn[case] = found.standard.astype(np.float32)
    if len(drawn) < 2:
        return
    matrix = np.stack(list(drawn.values()))
    claimed = list(drawn)
    tests = len(claimed) * (len(claimed) - 1) // 2 * len(_SHIFTS)
    limit = z_limit(trial.alpha / tests)
    worst, at = 0.0, (claimed[0], claimed[1], 0)
    for shift in _SHIFTS:
        ahead, behind = matrix[:, max(shift, 0) :], matrix[:, max(-shift, 0) :]
        size = _N - abs(shift)
        z = np.triu(ahead[:, :size] @ behind[:, :size].T, 1) / math.sqrt(size)
        first, second = np.unravel_index(int(np.argmax(np.abs(z))), z.shape)
        if abs(z[first, second]) > abs(worst):
            worst, at = float(z[first, second]), (claimed[first], claimed[second], shift)
    pair = f"{what} {getattr(at[0], what)!r} and {what} {getattr(at[1], what)!r}"
    yield judge(
        f"{len(claimed)} tensors of {_N} weights, each with a {what} of its own",
        f"√n times the largest correlation of two tensors ({pair}, shifted by {at[2]})",
        worst,
        n=_N,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"two tensors with correlation {z_detects(trial.alpha / tests) / math.sqrt(_N):.3f}",
        call=f"{trial.call(at[0])} against {trial.call(at[1])}",
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
