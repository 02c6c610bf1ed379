"""The table of the normal lattice: 3,969 quadratic segments of the upper-tail quantile (specification, section 3).

The bytes were computed once, with more than 200 bits of precision, by `tools/make_normal_table.py`.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

__all__ = ["NORMAL_TABLE_SHA256", "SEGMENTS", "normal_segments", "normal_table_bytes"]

SEGMENTS: Final = 31 * 128 + 1
"""31 octaves of 128 segments, and one entry for the median."""

NORMAL_TABLE_SHA256: Final = "51bcbf9e1f93af998adc07e0333a863df38d359653a6b215d0c835b7d6ff307c"


@lru_cache(maxsize=1)
def normal_table_bytes() -> bytes:
    """Return the table as `SEGMENTS` little-endian records `int32 C0, uint32 C1 | C2 << 16`: 31,752 bytes."""
    from importlib import resources  # takes milliseconds to import

    return resources.files("fanin").joinpath("_data", "normal_table.bin").read_bytes()


@lru_cache(maxsize=1)
def normal_segments() -> tuple[tuple[int, int, int], ...]:
    """Return the table as a tuple of `(C0, C1, C2)`: value, slope and curvature of each segment, times 2^28."""
    return tuple((c0, low, high) for c0, low, high in struct.iter_unpack("<iHH", normal_table_bytes()))
