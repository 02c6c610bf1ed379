"""Placed mistakes that repeat weights, or pair them: periods, copies, odd ends, pairs that depend on each other."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from fanin.initializers import Normal, Uniform

from .record import LAWS, Call, Family, Mistaken, Placed, Values, Where, one


class Periodic(Mistaken):
    """Repeats after a period, with or without the signs changed."""

    period: int
    sign: int

    def wrong(self, call: Call) -> Values:
        flat = self.right(call).ravel()
        for start in range(self.period, flat.size, self.period):
            part = flat[start : start + self.period]
            part[:] = flat[: part.size] * self.sign
        return flat.reshape(call.shape)


class Copying(Mistaken):
    """Copies a stretch of a tensor to another place of it."""

    share: float
    to: float

    def wrong(self, call: Call) -> Values:
        flat = self.right(call).ravel()
        length = int(self.share * flat.size)
        start = length + int(self.to * (flat.size - 2 * length))
        flat[start : start + length] = flat[:length]
        return flat.reshape(call.shape)


class OddEnd(Mistaken):
    """The last weight of an odd size is not drawn."""

    how: str

    def wrong(self, call: Call) -> Values:
        flat = self.right(call).ravel()
        if flat.size % 2 and flat.size > 1:
            fixed = {
                "zero": 0.0,
                "the one before": flat[-2],
                "the first": flat[0],
                "fixed": flat.dtype.type(0.003),
            }
            flat[-1] = fixed[self.how]
        return flat.reshape(call.shape)


class Paired(Mistaken):
    """Weights 2k and 2k + 1, or their magnitudes, are correlated."""

    size: float
    of: str

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        kinds = {"Normal": Normal, "Uniform": Uniform}
        if self.of not in ("all", "magnitudes") and not isinstance(law, kinds[self.of]):
            return super().values(generator, law, n)
        if n < 2 or (not isinstance(law, Normal | Uniform) and not hasattr(law, "parent_std")):
            return super().values(generator, law, n)
        z = generator.standard_normal((n + 1) // 2 * 2)
        z[1::2] = self.size * z[::2] + math.sqrt(1 - self.size**2) * z[1::2]
        u = ndtr(z[:n])
        if self.of == "magnitudes":
            u = 0.5 + np.where(generator.random(n) < 0.5, -0.5, 0.5) * u
        if isinstance(law, Normal):
            weights: Values = law.mean + law.std * ndtri(u)
        elif isinstance(law, Uniform):
            weights = law.low + (law.high - law.low) * u
        else:
            below, above = ndtr(law.lower), ndtr(law.upper)
            weights = law.mean + law.parent_std * ndtri(below + (above - below) * u)
        return weights


def _periodic(g: np.random.Generator) -> Placed:
    period, sign = int(2.0 ** g.uniform(20, 22.9)), one(g, (1, -1))
    where = Where(LAWS)
    mistake = f"after {period} weights{', with their signs changed' if sign < 0 else ''}"
    made = lambda: Periodic(where, period=period, sign=sign)  # noqa: E731
    return Placed("repeats beyond 2^20", mistake, made, "large.normals")


def _copying(g: np.random.Generator) -> Placed:
    share, to = g.uniform(0.03, 0.2), g.uniform()
    where = Where((one(g, ("normal scaling", "Normal", "TruncatedNormal")),), least=1 << 23)
    check = "large.truncated" if "TruncatedNormal" in where.kinds else "large.normals"
    made = lambda: Copying(where, share=share, to=to)  # noqa: E731
    return Placed("a stretch of a large tensor comes twice", f"{share:.0%} of it, {where}", made, check)


def _odd(g: np.random.Generator) -> Placed:
    how, where = (
        one(g, ("zero", "the one before", "the first", "fixed")),
        Where((one(g, LAWS[:3]),), least=int(one(g, (2, 4, 100)))),
    )
    made = lambda: OddEnd(where, how=how)  # noqa: E731
    return Placed("the last weight of an odd size", f"{how}, {where}", made, "small.positions")


def _pairs(of: str, low: float, high: float, family: str, check: str) -> Family:
    def place(g: np.random.Generator) -> Placed:
        size = g.uniform(low, high)
        return Placed(family, f"by {size:.2%}", lambda: Paired(size=size, of=of), check)

    return place


REPEATS: Final[tuple[Family, ...]] = (
    _periodic,
    _copying,
    _odd,
    _pairs("Normal", 0.004, 0.01, "normals correlated in pairs by 0.4 to 1 %", "large.normals"),
    _pairs("all", 0.005, 0.01, "weights correlated in pairs by 0.5 to 1 %, every law", "correlation.pooled"),
    _pairs("magnitudes", 0.005, 0.01, "magnitudes correlated in pairs by 0.5 to 1 %, every law", "correlation.pooled"),
)
