"""The cases of each geometry: layouts, groups, parts, stacks and sizes."""

from __future__ import annotations

from typing import Final

from fanin.conformance.case import Case
from fanin.initializers.presets import he_normal, normal, uniform

__all__ = ["GROUPS", "LAYOUTS", "SIZES", "SLICES", "STACKS"]

LAYOUTS: Final = (
    Case((), normal(std=1.0), ""),
    Case((6,), normal(std=1.0), "O", name="scale"),
    Case((5, 7), "he", "OI", name="w"),
    Case((7, 5), "he", "IO", name="w"),
    Case((4, 3, 5), "he", "OIW", name="w"),
    Case((5, 3, 4), "he", "WIO", name="w"),
    Case((4, 3, 2, 5), "he", "OIHW", name="w"),
    Case((2, 5, 3, 4), "he", "HWIO", name="w"),
    Case((4, 2, 5, 3), "he", "OHWI", name="w"),
    Case((5, 2, 3, 4), "he", "WHIO", name="w"),
    Case((4, 3, 2, 3, 5), "he_uniform", "OIDHW", name="w"),
    Case((2, 3, 5, 3, 4), "he_uniform", "DHWIO", name="w"),
    Case((3, 5, 2, 3, 4), "he_uniform", "HWDIO", name="w"),
    Case((7, 2, 3), "glorot_normal", "IOO", name="query"),
    Case((2, 3, 7), "glorot_normal", "IIO", name="attention.out"),
    Case((3, 7, 2), "glorot_normal", "OIO", name="query"),
    Case((2, 7, 3), normal(std=0.02), None, name="unlabelled"),
)

GROUPS: Final = (
    Case((6, 2, 3, 5), "he", "OIHW", groups=3, name="grouped"),
    Case((3, 5, 2, 6), "he", "HWIO", groups=3, name="grouped"),
    Case((6, 2, 3, 5), he_normal(mode="fan_out"), "OIHW", groups=3, name="grouped"),
    Case((4, 3, 5), "glorot_uniform", "OIW", groups=2, name="grouped"),
    Case((12, 1, 3, 5), "he", "OIHW", groups=12, name="depthwise"),
    Case((3, 5, 2, 4), "he", "IOHW", transposed=True, name="up"),
    Case((4, 2, 5, 3), "he", "HWOI", transposed=True, stride=2, name="up"),
    Case((3, 5, 2, 4), "lecun_uniform", "IOHW", transposed=True, stride=(2, 3), name="up"),
    Case((12, 2, 3), "he", "IOW", groups=3, transposed=True, name="up"),
    Case((3, 2, 12), "he", "WOI", groups=4, transposed=True, stride=2, name="up"),
    Case((3, 4, 2, 5), "he", "IIOW", groups=6, transposed=True, name="up"),
    Case((12, 2, 3), "he", "IOW", groups=3, transposed=True, name="up", slices=((3, 10), (1, 2), (0, 3))),
    Case((12, 2, 3), "he", "IOW", groups=3, transposed=True, name="up", slices=((5, 7), (0, 2), (1, 3))),
)

SLICES: Final = (
    Case((9, 14), "he", "OI", name="w", slices=((2, 7), (3, 14))),
    Case((14, 9), "he", "IO", name="w", slices=((3, 14), (2, 7))),
    Case((4, 6, 3, 5), "he_uniform", "OIHW", name="w", slices=((1, 3), (5, 6), (0, 3), (2, 4))),
    Case((3, 5, 6, 4), "he_uniform", "HWIO", name="w", slices=((0, 3), (2, 4), (5, 6), (1, 3))),
    Case((9, 14), "he", "OI", name="w", slices=((4, 4), (0, 14))),
    Case((9, 15), "he", "OI", name="w", slices=((8, 9), (14, 15))),
    Case((2**20, 2**12), "he", "OI", name="embedding", slices=((2**20 - 2, 2**20), (2**12 - 7, 2**12))),
    Case((2**12, 2**20), "he", "IO", name="embedding", slices=((2**12 - 7, 2**12), (2**20 - 2, 2**20))),
    Case((2**33 + 40,), normal(std=1.0), name="beyond 32 bits", slices=((2**32 - 9, 2**32 + 9),)),
    Case((2**35,), normal(std=1.0), name="beyond 32 bits", slices=((2**33 - 9, 2**33 + 9),)),
    Case((2**62,), uniform(-1.0, 1.0), name="beyond 32 bits", slices=((2**62 - 9, 2**62),)),
)

STACKS: Final = (
    Case((3, 5, 7), "he", "SOI", name=("experts.0", "experts.1", "experts.2")),
    Case((5, 3, 7), "he", "OSI", name=("experts.0", "experts.1", "experts.2")),
    Case((7, 5, 3), "he_uniform", "IOS", seed=2**40, name=("a", "ab", "b")),
    Case((5, 3, 7), "he", "OSI", name=("experts.0", "experts.1", "experts.2"), slices=((1, 4), (1, 3), (2, 7))),
    Case((2, 3, 2, 4, 5), "he_truncated_normal", "SHWIO", name=("conv.0", "conv.1"), dtype="float64"),
    Case((2, 4), "zeros", "SO"),
    Case((11, 3), "he", "SI", name=tuple(f"layers.{k}" for k in range(11))),
    Case((3, 300), "he", "IS", name=tuple(f"layers.{k}" for k in range(300)), dtype="float64"),
    Case((3, 40, 2), "he", "OSI", seed=3, name=tuple("ab" * k for k in range(40)), slices=((0, 3), (7, 33), (1, 2))),
)

SIZES: Final = (
    *(Case((n,), normal(std=1.0), name="n") for n in (0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 127)),
    *(Case((n,), uniform(-1.0, 1.0), name="n") for n in (1, 15, 16, 17)),
    *(Case((n,), "he_truncated_normal", "I", name="n") for n in (1, 15, 16, 17)),
    Case((3, 0, 5), normal(std=1.0), name="n"),
    Case((0, 5), "he", "OI", name="n"),
    Case((4, 0), "zeros", "OI"),
    Case((65537,), normal(std=1.0), name="large"),
    Case((517, 509), "he", "OI", name="large"),
    Case((509, 517), "he", "IO", name="large"),
    Case((3, 3, 170, 171), "he_truncated_normal", "HWIO", name="large"),
    Case((300_007,), uniform(-1.0, 1.0), name="large", dtype="float64"),
)
