"""What is kept of a tensor to find those that are equal to it, or drawn from the same random numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fanin.auditing.context import Context
from fanin.auditing.reading import Reading
from fanin.models.parameter import Parameter

__all__ = ["SIGNS_NEEDED", "Fingerprint", "fingerprint"]

SIGNS_NEEDED: Final = 64
"""Weights whose signs are the same by no chance."""

_STEPS: Final = 3
"""Steps that go one way, from which tensors that are equal are rather tables."""


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a tensor to find its likes.

    Attributes:
        name: Its name.
        digest: Its shape, its dtype and the hash of its bits; None where not all of it can be read.
        memory: Where it is, so that two names of one tensor are known.
        first: Its first weights, where they are random; nothing otherwise.
        key: What a scheme says of it, its stream included: equal keys are equal weights. None without a scheme.
        bits: Bits of information, at least.
        is_table: Whether it follows no law, or does not look as if it did.
    """

    name: str
    digest: Hashable
    memory: Hashable
    first: npt.NDArray[np.float64]
    key: Parameter | None
    bits: int
    is_table: bool


def fingerprint(found: Reading, *, looks_random: bool, context: Context) -> Fingerprint | None:
    """Return the fingerprint of a tensor that is no constant.

    Args:
        found: The tensor.
        looks_random: Whether its weights are independent and random, by a scheme or by their looks.
        context: The audit.
    """
    if found.is_constant or not found.is_number or not found.tensor.size or not found.bits:
        return None
    if context.has_scheme and not any(unit.is_random or unit.law is None for unit in found.units):
        random_matrix = found.parameter is not None and any(
            unit.parameter is not None and unit.parameter.is_random for unit in found.units
        )
        if not random_matrix:
            return None
    key = None
    if found.parameter is not None:
        key = dataclasses.replace(found.parameter.with_streams_of(found.own), note=None)
    digest = None
    if found.hashes is not None:
        digest = (found.shape, found.tensor.dtype, found.hashes.digest)
    first = found.first if looks_random and found.first.size >= SIGNS_NEEDED else np.empty(0)
    if first.size and not (np.isfinite(first).all() and first.all()):
        first = np.empty(0)
    table = found.parameter is not None and not found.parameter.follows_laws
    return Fingerprint(
        found.name,
        digest,
        found.tensor.memory,
        first,
        key,
        found.bits * found.tensor.size,
        table or (found.parameter is None and (not looks_random or found.is_ordered(_STEPS))),
    )
