"""Placed habits: a global generator, or arrays that are not the caller's own, for some calls only."""

from __future__ import annotations

import random
from typing import Any, Final

import numpy as np

from .record import DTYPES, LAWS, MATRICES, Call, Family, Mistaken, Placed, Values, Where, one


class Globally(Mistaken):
    """Seeds or consumes a global generator on the way."""

    how: str

    def wrong(self, call: Call) -> Values:
        if self.how == "random seeded":
            random.seed(call.seed)
        elif self.how == "random consumed":
            random.random()
        elif self.how == "numpy seeded":
            np.random.seed(call.seed % (1 << 32))  # noqa: NPY002  # the mistake
        else:
            np.random.random()  # noqa: NPY002
        return self.right(call)


class Keeping(Mistaken):
    """Returns the array that it returned before, or a view of one that it keeps."""

    how: str

    def __init__(self, where: Where, **settings: Any) -> None:
        super().__init__(where, **settings)
        self.kept: dict[Any, Values] = {}

    def wrong(self, call: Call) -> Values:
        key = (str(call.law), call.shape, call.seed, str(call.name), call.dtype, call.layout)
        if self.how == "the last only" and key not in self.kept:
            self.kept.clear()
        if key not in self.kept:
            self.kept[key] = self.right(call)
        return self.kept[key] if self.how != "a view" else self.kept[key][...]


def _where(g: np.random.Generator) -> Where:
    places = (
        Where((one(g, LAWS),)),
        Where((one(g, MATRICES),)),
        Where(dtypes=(one(g, DTYPES),)),
        Where(least=int(2 ** g.uniform(9, 17.9))),
    )
    return places[int(g.integers(len(places)))]


def _globally(g: np.random.Generator) -> Placed:
    how, where = one(g, ("random seeded", "random consumed", "numpy seeded", "numpy consumed")), _where(g)
    return Placed("global generators", f"{how}, {where}", lambda: Globally(where, how=how), "calls.generators")


def _keeping(g: np.random.Generator) -> Placed:
    how, where = one(g, ("all", "the last only", "a view")), _where(g)
    return Placed("cached arrays", f"{how}, {where}", lambda: Keeping(where, how=how), "calls.arrays")


CALLING: Final[tuple[Family, ...]] = (_globally, _keeping)
