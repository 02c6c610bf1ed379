"""Planted faults, by subject."""

from __future__ import annotations

from typing import Final

from ..planting import Fault
from . import bare, dead, laws, mismatch, rows, scales, slices, tensors, values

__all__ = ["FAULTS"]

FAULTS: Final[dict[str, Fault]] = {
    name: fault
    for subject in (values, rows, dead, slices, scales, laws, tensors, mismatch, bare)
    for name, fault in subject.FAULTS.items()
}
