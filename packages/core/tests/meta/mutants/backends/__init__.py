"""Deliberately wrong backends, by the step of the draw that is wrong."""

from __future__ import annotations

from typing import Final

from .behaviours import BEHAVIOURS
from .combined import COMBINED
from .habits import HABITS
from .jit import JIT
from .lattices import LATTICES
from .matrices import MATRICES
from .places import PLACES
from .plans import PLANS
from .record import Mutant
from .scales import SCALES
from .values import VALUES
from .weights import WEIGHTS
from .words import WORDS

__all__ = ["MUTANTS", "Mutant"]

MUTANTS: Final = (
    *SCALES,
    *PLANS,
    *WORDS,
    *LATTICES,
    *MATRICES,
    *WEIGHTS,
    *BEHAVIOURS,
    *JIT,
    *COMBINED,
    *PLACES,
    *VALUES,
    *HABITS,
)
