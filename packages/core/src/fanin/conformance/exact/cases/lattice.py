"""The cases of the lattices: the words at their ends, and every segment of the normal table."""

from __future__ import annotations

from typing import Final

from fanin.conformance.case import Case
from fanin.initializers.presets import normal, truncated_normal, uniform

__all__ = ["RARE", "TABLE", "WORDS"]

_HALF: Final = 1 << 31

RARE: Final = {
    0x00000000: 3207452815,
    0x00000001: 4409728149,
    0x7FFFFFFE: 769267494,
    0x7FFFFFFF: 3382420280,
    0x80000000: 1712065893,
    0x80000001: 101720315,
    0xFFFFFFFE: 5453495803,
    0xFFFFFFFF: 524612339,
}
"""Where the stream of seed 0 without a name has the words at the ends of the lattices, and beside the median."""

WORDS: Final = tuple(
    Case((2**33,), initializer, slices=((index, index + 1),), dtype=dtype)
    for index in RARE.values()
    for initializer, dtype in (
        (uniform(-1.0, 1.0), "float32"),
        (uniform(0.0, 1.0), "float32"),
        (normal(std=1.0), "float32"),
        (truncated_normal(std=1.0), "float64"),
        (truncated_normal(std=1.0, lower=-0.2, upper=0.2), "float32"),  # its first and last rank are beyond the bounds
    )
)

TABLE: Final = (
    *(
        Case((2048,), normal(std=1.0), seed=octave, name=half, dtype=dtype, ranks=(first, 1 << octave))
        for octave in range(31)
        for half, dtype, first in (
            ("upper half", "float32", 1 << octave),
            ("upper half", "float64", 1 << octave),
            ("lower half", "float32", 2**32 - (2 << octave)),
        )
    ),
    Case((512,), normal(std=1.0), name="median", ranks=(_HALF - 512, 1024)),
    Case((512,), normal(std=1.0), name="median", ranks=(_HALF - 512, 1024), dtype="float64"),
    *(
        Case((64,), normal(std=1.0), name="octave's end", ranks=((2 << octave) - 64, 64), dtype="float64")
        for octave in range(20, 31)
    ),
)
