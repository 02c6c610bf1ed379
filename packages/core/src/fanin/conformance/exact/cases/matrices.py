"""The cases of matrices, in every kernel that may store them: exact ones, and orthogonal ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fanin.conformance.case import Case
from fanin.exceptions import FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.presets import delta_orthogonal, dirac, identity, orthogonal, sparse

__all__ = ["MATRICES", "ORTHOGONAL"]

_KERNELS: Final = (
    Case((9, 5), "", "OI"),
    Case((8, 3), "", "IO"),
    Case((1, 1), "", "OI"),
    Case((0, 5), "", "OI"),
    Case((6, 2), "", "OI", groups=2),
    Case((6, 4), "", "IO", groups=2, transposed=True),
    Case((4, 2, 3), "", "IOO"),
    Case((7, 2, 3), "", "OII"),
    Case((3, 4, 5), "", "IIO", groups=6, transposed=True),
    Case((5, 3, 4), "", "OSI", name=("a", "b", "c")),
    Case((9, 5), "", "OI", slices=((2, 7), (1, 4))),
    Case((5, 3, 4), "", "OSI", name=("a", "b", "c"), slices=((1, 4), (1, 3), (2, 4))),
    Case((6, 4), "", "IO", groups=2, transposed=True, slices=((1, 5), (1, 4))),
    Case((5, 3, 4), "", "OIW"),
    Case((3, 4, 2, 5), "", "HWIO"),
    Case((6, 2, 3), "", "OIW", groups=3),
    Case((6, 4, 2), "", "IOW", groups=3, transposed=True),
    Case((3, 4, 4, 6), "", "HWIO", slices=((1, 3), (0, 4), (2, 3), (1, 5))),
    Case((6, 4, 2), "", "IOW", groups=2, transposed=True, slices=((1, 5), (1, 4), (1, 2))),
)
"""Tall and wide, dense and convolutional, grouped and transposed, stacks and parts: what a matrix may be stored in."""


def _in_kernels(*laws: Initializer) -> Iterator[Case]:
    """Yield each law in each kernel that it accepts: some have no spatial axes, one no more columns than rows."""
    for law in laws:
        for kernel in _KERNELS:
            case = dataclasses.replace(kernel, initialization=law, seed=2**31 + 5, name=kernel.name or "w")
            with suppress(FaninValueError):
                case.plan()
                yield case


_ROUNDED: Final = ((100, 0.07), (100, 0.29), (100, 0.55), (100, 0.57), (49, 1 / 49))
"""Rows and shares whose product in doubles is beside a whole number, on either side, or on it."""

MATRICES: Final = (
    *_in_kernels(identity(0.3), dirac(1.1), sparse(0.6, std=0.5)),
    Case((3, 5), identity(0.5), "IO", dtype="float64"),
    Case((7, 13), sparse(0.3, std=0.5), "IO", seed=1, name="w", dtype="float64"),
    Case((13, 7), sparse(0.3), "OI", seed=1, name="w", dtype="bfloat16"),
    Case((6, 2, 3), dirac(0.1), "OIW", groups=3, dtype="float16"),
    Case((5, 3), identity(0.3), "OI", dtype="float8_e5m2"),
    Case((5, 13), sparse(0.3, std=0.5), "IO", seed=1, name="w", dtype="float8_e4m3fn"),
    Case((7, 13), sparse(0.0), "OI", seed=2, name="w"),
    Case((7, 13), sparse(1.0), "OI", seed=2, name="w"),
    Case((200, 300), sparse(0.9), "OI", seed=4, name="large"),
    *(Case((rows, 3), sparse(share), "OI", seed=5, name="w") for rows, share in _ROUNDED),
    Case((37, 150), identity(0.3), "OI"),
    Case((150, 37), identity(0.3), "IO", dtype="float64"),
    Case((3, 90, 40), dirac(1.1), "WIO", dtype="float16"),
    Case((3, 90, 40), sparse(0.35, std=2.0), "SOI", seed=5, name=("a", "b", "c"), dtype="float16"),
    Case((1 << 31, 3), identity(), "OI", slices=(((1 << 31) - 2, 1 << 31), (0, 3))),
    Case((1 << 20, 1 << 20), identity(), "IO", slices=(((1 << 20) - 3, 1 << 20), ((1 << 20) - 5, 1 << 20))),
    Case((1 << 31, 9), sparse(0.6), "IO", seed=4, name="far", slices=(((1 << 31) - 3, 1 << 31), (2, 8))),
)

ORTHOGONAL: Final = (
    *_in_kernels(orthogonal(1.7), delta_orthogonal(0.7)),
    Case((7, 7), orthogonal(), "IO", seed=2, name="w"),
    Case((7, 7), orthogonal(), "OI", seed=2, name="w", dtype="float64"),
    Case((9, 5), orthogonal(), "OI", seed=1, name="w", dtype="float16"),
    Case((5, 9), orthogonal(1.5), "OI", seed=1, name="w", dtype="bfloat16"),
    Case((3, 4, 3, 7), delta_orthogonal(2.0), "HWIO", seed=4, name="conv", dtype="float64"),
    Case((19, 67), orthogonal(), "OI", seed=5, name="w"),
    Case((17, 70), orthogonal(), "IO", seed=5, name="w"),
    Case((33, 18), orthogonal(1.5), "OI", seed=6, name="w", dtype="float64"),
    *(
        Case((23, 70), orthogonal(1.3), "OI", seed=7, name="w", dtype=dtype)
        for dtype in ("float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
    ),
    Case((2, 20, 24), orthogonal(), "SOI", seed=8, name=("a", "b")),
    # So many that some are rounded otherwise from doubles; they are held to the same backend's float32, which is cheap.
    Case((300, 400), orthogonal(1.3), "OI", seed=9, name="w", dtype="float16"),
    Case((400, 500), orthogonal(1.3), "OI", seed=9, name="w", dtype="bfloat16"),
)
"""The rules that are close, not exact: small, since the reference orthogonalises with 60 digits."""
