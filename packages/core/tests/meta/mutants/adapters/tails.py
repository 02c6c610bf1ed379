"""Placed mistakes in tails, bounds, frequent values and rounding."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from fanin.initializers import Normal, TruncatedNormal

from .record import Call, Family, Mistaken, Placed, Values, Where, one


class Clipped(Mistaken):
    """A normal that ends: clipped at so many sigmas, or drawn again beyond them."""

    sigmas: float
    again: bool

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        z = super().values(generator, law, n)
        if not isinstance(law, Normal):
            return z
        reach = self.sigmas * law.std
        far = np.abs(z - law.mean) > reach
        if self.again:
            u = generator.random(int(far.sum()))
            z[far] = law.mean + law.std * ndtri(ndtr(-self.sigmas) + (1 - 2 * ndtr(-self.sigmas)) * u)
            return z
        clipped: Values = np.clip(z, law.mean - reach, law.mean + reach)
        return clipped


class OneSided(Mistaken):
    """Takes a truncation on one side for another one."""

    how: str

    def wrong(self, call: Call) -> Values:
        law: Any = call.law
        if math.isfinite(law.lower) and math.isfinite(law.upper):
            return self.right(call)
        low, high = law.lower, law.upper
        changed = {
            "cut at 2 or -2 on the other side, too": (max(low, -2.0), min(high, 2.0)),
            "not cut": (-math.inf, math.inf),
            "cut on the other side": (-high, -low),
            "cut at 3 or -3 on the other side, too": (max(low, -3.0), min(high, 3.0)),
        }[self.how]
        return self.right(call, law=dataclasses.replace(law, lower=changed[0], upper=changed[1]))


class BestOf(Mistaken):
    """Draws a truncated normal as the first of a few normals that lies within, and clips where none does."""

    draws: int

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        if not isinstance(law, TruncatedNormal):
            return super().values(generator, law, n)
        z = generator.standard_normal(n)
        for _ in range(self.draws - 1):
            beyond = np.flatnonzero((z < law.lower) | (z > law.upper))
            z[beyond] = generator.standard_normal(beyond.size)
        weights: Values = law.mean + law.parent_std * np.clip(z, law.lower, law.upper)
        return weights


class Frequent(Mistaken):
    """Replaces some weights by one value."""

    share: float
    sigmas: float

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        weights = super().values(generator, law, n)
        if n > 1000 and hasattr(law, "std"):
            weights[generator.random(n) < self.share] = np.float32(law.mean + self.sigmas * law.std)
        return weights


class Cut(Mistaken):
    """A float16 that is cut toward zero, rounded away from it, or rounded down."""

    how: str

    def rounded(self, values: Values, dtype: str) -> Values:
        near: Values = values.astype(dtype)
        if dtype != "float16":
            return near
        wide = near.astype(np.float64)
        if self.how == "toward zero":
            return np.where(np.abs(wide) > np.abs(values), np.nextafter(near, np.float16(0)), near)
        if self.how == "away from zero":
            outward = np.nextafter(near, np.copysign(np.float16(np.inf), near))
            return np.where(np.abs(wide) < np.abs(values), outward, near)
        return np.where(wide > values, np.nextafter(near, np.float16(-np.inf)), near)


def _clipped(g: np.random.Generator) -> Placed:
    sigmas, again = g.uniform(4.3, 5.0), one(g, (True, False))
    mistake = f"{'drawn again beyond' if again else 'clipped at'} {sigmas:.2f}σ"
    return Placed("tails that end before 5σ", mistake, lambda: Clipped(sigmas=sigmas, again=again), "large.normals")


def _one_sided(g: np.random.Generator) -> Placed:
    how = one(
        g,
        (
            "cut at 2 or -2 on the other side, too",
            "not cut",
            "cut on the other side",
            "cut at 3 or -3 on the other side, too",
        ),
    )
    where = Where(("TruncatedNormal",))
    return Placed("truncation on one side", how, lambda: OneSided(where, how=how), "shape.quantiles")


def _best_of(g: np.random.Generator) -> Placed:
    draws = int(g.integers(2, 5))
    return Placed("truncation by a few draws", f"the best of {draws}", lambda: BestOf(draws=draws), "large.truncated")


def _frequent(g: np.random.Generator) -> Placed:
    share, sigmas = 10 ** g.uniform(-4, -3), one(g, (0.0, g.uniform(-1.5, 1.5)))
    return Placed(
        "one value too often",
        f"{share:.2e} of the weights at {sigmas:.2f}σ",
        lambda: Frequent(share=share, sigmas=sigmas),
        "resolution.distinct",
    )


def _cut(g: np.random.Generator) -> Placed:
    how = one(g, ("toward zero", "away from zero", "down"))
    return Placed("float16 not rounded to the nearest", how, lambda: Cut(how=how), "resolution.rounding")


TAILS: Final[tuple[Family, ...]] = (_clipped, _one_sided, _best_of, _frequent, _cut)
