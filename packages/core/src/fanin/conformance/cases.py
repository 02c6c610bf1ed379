"""The tensors of the exact level: each record is one call of `fanin.init`, asymmetric so that a swap shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, get_args

from fanin.exceptions import FaninValueError
from fanin.initializers import ElementLaw, Initializer, VarianceScaling
from fanin.initializers.names import get_initializer, initializer_names
from fanin.initializers.presets import (
    constant,
    delta_orthogonal,
    dirac,
    he_normal,
    he_truncated_normal,
    he_uniform,
    identity,
    normal,
    orthogonal,
    sparse,
    truncated_normal,
    uniform,
    variance_scaling,
)
from fanin.plans import Name, Plan, plan
from fanin.plans.rules import Draw

__all__ = ["GROUPS_OF_CASES", "ORTHOGONAL", "Case"]

_HALF: Final = 1 << 31


@dataclass(frozen=True)
class Case:
    """One call of `fanin.init`, and for the lattice's own cases the ranks it is restricted to.

    Attributes:
        ranks: (first, count): draw only these ranks of the normal lattice, which is how each segment of its table is
            reached without drawing 2^32 elements. None for the initializer's own.
    """

    shape: tuple[int, ...]
    initialization: str | Initializer
    layout: str | None = None
    seed: int = 0
    name: Name = None
    dtype: str = "float32"
    slices: tuple[tuple[int, int], ...] | None = None
    groups: int = 1
    transposed: bool = False
    stride: int | tuple[int, ...] | None = None
    ranks: tuple[int, int] | None = None

    def plan(self) -> Plan:
        """Return the case as a plan."""
        return _plan(self)

    def call(self, backend: str) -> str:
        """Return the call of `fanin.init` as a line of Python."""
        call = f"fanin.init({self.arguments()}, backend={backend!r})"
        return call if self.ranks is None else f"{call} with rule.first_rank, rule.ranks = {self.ranks}"

    def arguments(self) -> str:
        """Return the arguments that are not the default as Python text."""
        given = [repr(self.shape), _text(self.initialization)]
        for field in dataclasses.fields(self)[2:-1]:
            value = getattr(self, field.name)
            if value != field.default:
                text = f"[{', '.join(f'slice{part}' for part in value)}]" if field.name == "slices" else repr(value)
                given.append(f"{field.name}={text}")
        return ", ".join(given)


@lru_cache(maxsize=4096)
def _plan(case: Case) -> Plan:
    made = plan(
        case.shape,
        case.initialization,
        layout=case.layout,
        seed=case.seed,
        name=case.name,
        dtype=case.dtype,
        slices=None if case.slices is None else [slice(*part) for part in case.slices],
        groups=case.groups,
        transposed=case.transposed,
        stride=case.stride,
    )
    if case.ranks is None:
        return made
    assert isinstance(made.rule, Draw)
    first, count = case.ranks
    rule = dataclasses.replace(made.rule, distribution="truncated_normal", first_rank=first, ranks=count)
    return dataclasses.replace(made, rule=rule)


def _text(initialization: str | Initializer) -> str:
    """Return the shortest text that stands for an initializer: the name of a preset where it is one."""
    if isinstance(initialization, str):
        return repr(initialization)
    names = (name for name in initializer_names() if get_initializer(name) == initialization)
    preset = next(names, None)
    return f"fanin.{initialization}" if preset is None else repr(preset)


_SCALINGS: Final = (
    variance_scaling(2.0, "fan_in", "normal"),
    variance_scaling(1.0, "fan_out", "uniform"),
    variance_scaling(0.5, "fan_avg", "truncated_normal"),
    variance_scaling(3.0, "fan_geo", "normal"),
    variance_scaling(1.7, "fan_geo", "uniform"),
    variance_scaling(0.9, "fan_out", "truncated_normal"),
)


def _is_drawn(name: str) -> bool:
    return isinstance(get_initializer(name), (*get_args(ElementLaw), VarianceScaling))


LAWS: Final = (
    *(Case((7, 11), name, "OI", name="laws.weight") for name in initializer_names() if _is_drawn(name)),
    *(Case((3, 5, 2, 4), scaling, "OIHW", seed=11, name="scaling.weight") for scaling in _SCALINGS),
    Case((4, 3), constant(-0.1), name="bias"),
    Case((13,), uniform(-0.25, 0.25), seed=1),
    Case((13,), normal(std=1.5), seed=2),
    Case((13,), normal(std=1e-9), seed=2),
    Case((13, 3), truncated_normal(std=0.3), seed=3),
    Case((29, 3), truncated_normal(std=0.3, lower=-0.4, upper=1.3), seed=4),
    Case((29, 3), truncated_normal(std=2.0, lower=-9.0, upper=-1.0), seed=5),
    Case((29, 3), truncated_normal(std=1.0, lower=0.0, upper=float("inf")), seed=6),
    Case((29, 3), truncated_normal(std=1.0, lower=2.5, upper=3.0), seed=7),
)

MEANS: Final = (
    Case((31,), uniform(0.0, 1.0), seed=1, name="half-open?"),
    Case((31,), uniform(-0.1, 0.3), seed=2, name="bias"),
    Case((31,), uniform(1000.0, 1000.5), seed=3),
    Case((31,), normal(mean=0.7, std=0.1), seed=4, name="gain"),
    Case((31,), normal(mean=-3.0, std=1e-3), seed=5),
    Case((31,), normal(mean=1.0, std=1e-12), seed=6),
    Case((31, 2), truncated_normal(mean=0.5, std=0.1), seed=7),
    Case((31, 2), truncated_normal(mean=-20.0, std=0.7, lower=-1.0, upper=3.0), seed=8),
    Case((31, 2), normal(mean=0.7, std=0.1), seed=9, dtype="float64"),
    Case((31, 2), uniform(0.2, 0.9), seed=10, dtype="float64"),
    Case((31, 2), normal(mean=1e6, std=1e-9), seed=11, dtype="float64"),
)

DTYPES: Final = tuple(
    Case(shape, initializer, "OI", seed=21, name=f"{dtype}.weight", dtype=dtype)
    for dtype in ("float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
    for shape, initializer in (
        ((17, 9), he_normal()),
        ((17, 9), he_uniform()),
        ((17, 9), he_truncated_normal()),
        ((17, 9), normal(mean=0.3, std=0.05)),
        ((17, 9), normal(mean=0.0, std=2e-5)),
        ((2, 3), constant(0.1)),
    )
)

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

SEEDS: Final = tuple(
    Case((19,), normal(std=1.0), seed=seed, name=name)
    for seed in (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 + 12345, 2**64 - 1)
    for name in (None, "w")
)

NAMES: Final = tuple(
    Case((19,), normal(std=1.0), seed=7, name=name)
    for name in (
        None,
        "",
        "w",
        "W",
        " w",
        "w ",
        "w\n",
        "w\r\n",
        "\tw",
        "\ufeffw",
        "w\0",
        "w\u200b",
        "layers.1.weight",
        "layers.11.weight",
        "layers.1.1weight",
        "a/b",
        "ab",
        "\0",
        "größe",
        "gro\u0308ße",
        "重み",
        "\U0001f600",
        "x" * 1000,
        "x" * 1024,
        "x" * 1025,
        "x" * 70_000,
        "重" * 400,
        "重" * 400 + "み",
    )
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
            case = dataclasses.replace(kernel, initialization=law, seed=_HALF + 5, name=kernel.name or "w")
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

_RARE: Final = {
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
    for index in _RARE.values()
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

GROUPS_OF_CASES: Final[dict[str, tuple[str, tuple[Case, ...]]]] = {
    "bits.laws": ("every initializer, by name and by value", LAWS),
    "bits.means": ("means are added on the lattice, before the one multiplication", MEANS),
    "bits.dtypes": ("every declared dtype: low precision is the float32 weight, rounded", DTYPES),
    "bits.layouts": ("the logical order is (out, in, *kernel) in every stored axis order", LAYOUTS),
    "bits.groups": ("grouped, depthwise and transposed convolutions", GROUPS),
    "bits.seeds": ("seeds of up to 64 bits", SEEDS),
    "bits.names": ("names are compared by their UTF-8 bytes", NAMES),
    "bits.slices": ("a shard equals the slice of the whole, also beyond 2^32 elements", SLICES),
    "bits.stacks": ("each slice of a stack has the stream of its own name", STACKS),
    "bits.matrices": ("identity matrices, Dirac kernels and sparse matrices", MATRICES),
    "bits.sizes": ("sizes from none to several chunks", SIZES),
    "bits.words": ("the words at the ends of the lattices", WORDS),
    "bits.table": ("every segment of the normal table that a word can reach, in both halves", TABLE),
}
"""The check's name, its claim, and its cases."""
