"""The exact level: a backend's bits against the reference, and its behaviour."""

from __future__ import annotations

from typing import Final

from fanin.conformance.check import Check
from fanin.conformance.exact.behaviour import BEHAVIOUR_CHECKS
from fanin.conformance.exact.bits import BIT_CHECKS
from fanin.conformance.exact.combined import COMBINED_CHECKS
from fanin.conformance.exact.golden import GOLDEN_CHECKS
from fanin.conformance.exact.jit import JIT_CHECKS
from fanin.conformance.exact.orthogonal import ORTHOGONAL_CHECKS
from fanin.conformance.exact.places import PLACES_CHECKS
from fanin.conformance.exact.trial import BackendTrial

__all__ = ["EXACT_CHECKS", "BackendTrial"]

EXACT_CHECKS: Final[tuple[Check[BackendTrial], ...]] = (
    *BEHAVIOUR_CHECKS,
    *JIT_CHECKS,
    *BIT_CHECKS,
    *COMBINED_CHECKS,
    *GOLDEN_CHECKS,
    *PLACES_CHECKS,
    *ORTHOGONAL_CHECKS,
)
