"""All shifts: two tensors are not two places of one stream, and a tensor does not repeat itself."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import fft

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.sample import SampleTrial, initializer_of
from fanin.conformance.distribution.statistics import z_detects, z_limit
from fanin.initializers.presets import normal, truncated_normal, uniform

__all__ = ["SHIFT_CHECKS"]

_N: Final = 1 << 20
_OVERLAP: Final = 1 << 10
"""Pairs at least, of which a correlation is made: fewer are not normal so far out."""

LAWS: Final = (
    Case((_N,), normal(std=1.0), "O", name="w"),
    Case((_N,), uniform(-1.0, 1.0), "O", name="w"),
    Case((_N,), truncated_normal(std=1.0), "O", name="w"),
)


def shifts(trial: SampleTrial) -> Iterator[Result]:
    """Yield the largest correlation of two tensors over all shifts, by a Fourier transform.

    With independent weights, the sum of products of ranks over the m pairs of a shift, in units of √m, is standard
    normal by the CLT; shifts that leave fewer than 1,024 pairs are left out.
    """
    for law in LAWS:
        first = _spectrum(trial, law)
        if isinstance(first, Result):
            yield first
            continue
        yield _judged(trial, first, first, law, law)
        others = [dataclasses.replace(law, seed=seed) for seed in (1, 1 << 32)]
        others += [dataclasses.replace(law, name="v")] if trial.adapter.named else []
        for other in others:
            second = _spectrum(trial, other)
            yield second if isinstance(second, Result) else _judged(trial, first, second, law, other)


def _spectrum(trial: SampleTrial, case: Case) -> npt.NDArray[Any] | Result:
    drawn = trial.drawn(case)
    if isinstance(drawn, Result):
        return drawn
    law = initializer_of(case).law(None)
    ranks = ((ExpectedLaw.of(law).cdf(drawn.ravel()) - 0.5) * math.sqrt(12)).astype(np.float32)
    spectrum: npt.NDArray[Any] = fft.rfft(ranks, 2 * _N)
    return spectrum


def _judged(trial: SampleTrial, one: npt.NDArray[Any], two: npt.NDArray[Any], case: Case, other: Case) -> Result:
    sums = fft.irfft(np.conj(one) * two, 2 * _N)
    lags = np.arange(1 - _N + _OVERLAP, _N - _OVERLAP)
    if case == other:
        lags = lags[lags > 0]
    z = sums[lags] / np.sqrt(_N - np.abs(lags))
    at = int(np.argmax(np.abs(z)))
    limit, detected = (function(trial.alpha / lags.size) for function in (z_limit, z_detects))
    same = case == other
    return judge(
        trial.call(case) + ("" if same else f" against {'seed ' + str(other.seed) if other.seed else 'another name'}"),
        f"√n times the correlation of {'a tensor with itself' if same else 'the two'}, shifted by {lags[at]}",
        float(z[at]),
        n=_N,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"a rank correlation of {detected / math.sqrt(_N / 2):.3f} at one of {lags.size} shifts",
        call=f"{trial.call(case)} against {trial.call(other)}",
        mistake=_mistake(int(lags[at]), same),
    )


def _mistake(lag: int, same: bool) -> str:
    if same:
        return f"the tensor repeats after {lag} weights"
    if not lag:
        return "the two are one stream"
    return f"one tensor is the other {abs(lag)} weights further on: offsets into one stream"


SHIFT_CHECKS: Final = (
    Check("streams.shifts", "distribution", "two tensors share no stretch of a stream, wherever it begins", shifts),
)
