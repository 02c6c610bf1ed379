"""The distribution level: statistics of weights, for an implementation with random numbers of its own."""

from __future__ import annotations

from typing import Final

from fanin.conformance.check import Check
from fanin.conformance.distribution.behaviour import CALL_CHECKS
from fanin.conformance.distribution.collisions import COLLISION_CHECKS
from fanin.conformance.distribution.correlation import CORRELATION_CHECKS
from fanin.conformance.distribution.diagonal import DIAGONAL_CHECKS
from fanin.conformance.distribution.fans import FAN_CHECKS
from fanin.conformance.distribution.large import LARGE_CHECKS
from fanin.conformance.distribution.moments import MOMENT_CHECKS
from fanin.conformance.distribution.network import NETWORK_CHECKS
from fanin.conformance.distribution.orthogonal import ORTHOGONAL_CHECKS
from fanin.conformance.distribution.pairs import PAIR_CHECKS
from fanin.conformance.distribution.process import PROCESS_CHECKS
from fanin.conformance.distribution.resolution import RESOLUTION_CHECKS
from fanin.conformance.distribution.rounding import ROUNDING_CHECKS
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.shape import SHAPE_CHECKS
from fanin.conformance.distribution.shifts import SHIFT_CHECKS
from fanin.conformance.distribution.small import SMALL_CHECKS
from fanin.conformance.distribution.sparse import SPARSE_CHECKS
from fanin.conformance.distribution.streams import STREAM_CHECKS

__all__ = ["DISTRIBUTION_CHECKS", "SampleTrial"]

DISTRIBUTION_CHECKS: Final[tuple[Check[SampleTrial], ...]] = (
    *MOMENT_CHECKS,
    *SHAPE_CHECKS,
    *RESOLUTION_CHECKS,
    *ROUNDING_CHECKS,
    *CORRELATION_CHECKS,
    *PAIR_CHECKS,
    *SMALL_CHECKS,
    *LARGE_CHECKS,
    *STREAM_CHECKS,
    *SHIFT_CHECKS,
    *COLLISION_CHECKS,
    *PROCESS_CHECKS,
    *CALL_CHECKS,
    *FAN_CHECKS,
    *ORTHOGONAL_CHECKS,
    *SPARSE_CHECKS,
    *DIAGONAL_CHECKS,
    *NETWORK_CHECKS,
)
