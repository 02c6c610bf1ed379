"""All families of placed mutants, and the mutants that a seed gives."""

from __future__ import annotations

from typing import Final

import numpy as np

from .calling import CALLING
from .geometries import GEOMETRIC
from .record import Family, Placed
from .repeats import REPEATS
from .streams import STREAMS
from .tails import TAILS

__all__ = ["EACH", "FAMILIES", "placed"]

FAMILIES: Final[tuple[Family, ...]] = (*STREAMS, *REPEATS, *TAILS, *GEOMETRIC, *CALLING)

EACH: Final = 3
"""So many mutants of each family."""


def placed(seed: int, each: int = EACH) -> list[Placed]:
    """Return the mutants that a seed places: of each family so many."""
    return [family(np.random.default_rng([seed, k, i])) for k, family in enumerate(FAMILIES) for i in range(each)]
