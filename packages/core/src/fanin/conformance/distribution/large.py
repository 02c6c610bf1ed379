"""Tensors of 2^24 weights: what shows in large numbers only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import ATOM, NORMAL
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.sample import SampleTrial, geometry_of, initializer_of
from fanin.conformance.distribution.statistics import (
    binomial_detects,
    binomial_interval,
    poisson_detects,
    poisson_limit,
    z_detects,
    z_limit,
)
from fanin.initializers.presets import he_normal, normal, truncated_normal

__all__ = ["LARGE_CHECKS"]

_N: Final = 1 << 24
NORMALS: Final = (
    Case((_N,), normal(std=1.0), "O", seed=701, name="large.0.weight"),
    Case((4096, 4096), he_normal(), "OI", seed=702, name="large.1.weight"),
    Case((_N - 1,), normal(std=0.02), "O", seed=703, name="large.2.weight"),
)
TRUNCATED: Final = Case((_N,), truncated_normal(std=1.0), "O", seed=704, name="large.3.weight")

_SIGMAS: Final = (4.5, 5.0)
_LAGS: Final = (1, 2, 3, 4, 8, 16, 32, 64, 1 << 10, 1 << 16, 1 << 20, 1 << 21, 1 << 22, _N // 2)
_PROBES: Final = 256
_RUN: Final = 8
_MOST: Final = 1 << 16
"""Places that are looked at one by one: of a tensor that has more, a few values are all that there are."""


@dataclass(frozen=True)
class _Seen:
    """What is kept of a large tensor: counts beyond ±4.5 and ±5 σ, products over lags, and of pairs."""

    call: str
    n: int
    tails: npt.NDArray[np.int64]
    lags: npt.NDArray[np.float64]
    pairs: float


def normals(trial: SampleTrial) -> Iterator[Result]:
    """Yield repeats, tails and correlations of the normals, and those of all of them together."""
    found: list[_Seen] = []
    for case in NORMALS:
        drawn = trial.drawn(case)
        if isinstance(drawn, Result):
            yield drawn
            continue
        law = ExpectedLaw.of(initializer_of(case).law(geometry_of(case).fans()))
        flat = drawn.ravel()
        yield _repeats(trial.call(case), flat, np.random.default_rng([trial.seed, case.seed]))
        found.append(_seen(trial.call(case), flat, law.std))
        yield from _tails(trial, trial.call(case), found[-1].n, found[-1].tails, 0)
        del drawn, flat
    if not found:
        return
    n, tails = sum(seen.n for seen in found), np.sum([seen.tails for seen in found], axis=0)
    on = f"{len(found)} tensors of {_N} weights and those of 2^20"
    smaller = [item for item in trial.samples(NORMAL) if not isinstance(item, Result)]
    for item in smaller:
        tails += [[np.count_nonzero(side * item.standard > limit) for limit in _SIGMAS] for side in (-1, 1)]
    yield from _tails(trial, on, n + sum(item.n for item in smaller), tails, 1)
    yield from _correlations(trial, f"{len(found)} tensors of {_N} weights", found)


def _seen(call: str, flat: npt.NDArray[Any], std: float) -> _Seen:
    limits = np.array(_SIGMAS) * std
    far = flat[np.abs(flat) > limits[0]]
    tails = np.array([[np.count_nonzero(side * far > limit) for limit in limits] for side in (-1, 1)])
    scale = std * std
    lags = np.array([float(np.dot(flat[:-lag], flat[lag:])) / scale for lag in _LAGS])
    even = flat.size // 2 * 2
    pairs = float(np.dot(flat[:even:2], flat[1:even:2])) / scale
    return _Seen(call, flat.size, tails, lags, pairs)


def _tails(trial: SampleTrial, on: str, n: int, tails: npt.NDArray[np.int64], which: int) -> Iterator[Result]:
    """Yield how many weights lie beyond 4.5σ on each side, or beyond 5σ on both: binomial."""
    sigmas = _SIGMAS[which]
    p = 2 * float(ndtr(-sigmas))
    counts = {f"±{sigmas:g}σ": int(tails[:, which].sum())}
    if which == 0:
        p /= 2
        counts = {f"{side}{sigmas:g}σ": int(tails[k, which]) for k, side in enumerate("-+")}
    low, high = binomial_interval(n, p, trial.alpha)
    less, more = binomial_detects(n, p, trial.alpha)
    for where, count in counts.items():
        yield judge(
            f"{on}, beyond {where}",
            f"the number of weights beyond {where}",
            count,
            n=n,
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=f"a tail of {less / p:.0%} or {more / p:.0%} of what it should be"
            + (", and none at all" if low > 0 else ""),
            mistake=f"the law is cut at {sigmas:g}σ or before" if count == 0 else "",
        )


def _repeats(call: str, flat: npt.NDArray[Any], generator: np.random.Generator) -> Result:
    """Return how many of 256 runs of 8 weights come again elsewhere, whatever their signs; no right one does."""
    magnitudes = np.abs(flat).view(np.uint32 if flat.itemsize == 4 else np.uint64)
    places = generator.choice(flat.size - _RUN, _PROBES, replace=False)
    wanted = np.zeros(1 << 16, bool)
    wanted[magnitudes[places] & 0xFFFF] = True
    candidates = np.flatnonzero(wanted[(magnitudes & 0xFFFF).astype(np.uint16)])
    candidates = candidates[candidates <= flat.size - _RUN]
    for k in range(3):
        candidates = candidates[np.isin(magnitudes[candidates + k], magnitudes[places + k])]
    runs = {magnitudes[place : place + _RUN].tobytes(): int(place) for place in places}
    again: list[tuple[int, int]] = []
    for candidate in candidates[:_MOST]:
        place = runs.get(magnitudes[candidate : candidate + _RUN].tobytes(), int(candidate))
        if place != candidate:
            again.append((place, int(candidate)))
    return judge(
        f"{call}, repeats",
        f"how often one of {_PROBES} runs of {_RUN} weights comes again",
        len(again),
        n=flat.size,
        high=0,
        detects=f"a tensor of which {-math.expm1(math.log(0.01) / _PROBES):.1%} stands twice in it",
        mistake=f"the weights from {again[0][0]} on are those from {again[0][1]} on" if again else "",
    )


def _correlations(trial: SampleTrial, on: str, found: list[_Seen]) -> Iterator[Result]:
    """Yield the correlation of weights that are a lag apart, and of pairs, over all tensors: normal, by the CLT."""
    total = [sum(seen.n - lag for seen in found) for lag in _LAGS]
    z = sum(seen.lags for seen in found) / np.sqrt(total)
    worst = int(np.argmax(np.abs(z)))
    alpha = trial.alpha / len(_LAGS)
    pairs = sum(seen.n // 2 for seen in found)
    for what, at, statistic, share, n in (
        ("weights at a lag", f"weights at lag {_LAGS[worst]}", float(z[worst]), alpha, total[0]),
        (
            "pairs",
            "the weights 2k and 2k + 1",
            sum(seen.pairs for seen in found) / math.sqrt(pairs),
            trial.alpha,
            pairs,
        ),
    ):
        yield judge(
            f"{on}, {what if n == pairs else f'{len(_LAGS)} lags from 1 to {_LAGS[-1]}'}",
            f"√n times the correlation of {at}",
            statistic,
            n=n,
            low=-z_limit(share),
            high=z_limit(share),
            alpha=trial.alpha,
            detects=f"{what} correlated by {z_detects(share) / math.sqrt(n):.2%}",
            mistake="weights that are made in pairs depend on each other" if n == pairs else "",
        )


def truncated(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many weights are the smallest and the largest one: weights beyond a bound that are moved to it."""
    drawn = trial.drawn(TRUNCATED)
    if isinstance(drawn, Result):
        yield drawn
        return
    yield _repeats(trial.call(TRUNCATED), drawn, np.random.default_rng([trial.seed, TRUNCATED.seed]))
    at = int(np.count_nonzero(drawn == drawn.min()) + np.count_nonzero(drawn == drawn.max()))
    mean = 2 * _N * ATOM
    high = 2 + poisson_limit(mean, trial.alpha)
    yield judge(
        f"{trial.call(TRUNCATED)}, ends",
        "the number of weights that are the smallest or the largest one",
        at,
        n=_N,
        high=high,
        alpha=trial.alpha,
        detects=f"{poisson_detects(high) / _N:.1e} of the weights moved to the bounds (best of four: 4.3e-06)",
        mistake="weights beyond the bounds are moved to the bounds",
    )


LARGE_CHECKS: Final = (
    Check("large.normals", "distribution", "2^24 normals do not repeat, are not paired, and reach beyond 5σ", normals),
    Check("large.truncated", "distribution", "2^24 truncated normals do not pile up at the bounds", truncated),
)
