"""The table of cases that `make_golden.py` computes: one tensor a line, each asymmetric."""

from __future__ import annotations

from typing import Any, Final

BIG: Final = 2**64 - 1


def _scaled(scale: float = 2.0, mode: str = "fan_in", distribution: str = "normal") -> dict[str, Any]:
    return {"initializer": "variance_scaling", "scale": scale, "mode": mode, "distribution": distribution}


def _normal(mean: float, std: float) -> dict[str, Any]:
    return {"initializer": "normal", "mean": mean, "std": std}


def _uniform(low: float, high: float) -> dict[str, Any]:
    return {"initializer": "uniform", "low": low, "high": high}


def _truncated(mean: float, std: float, lower: float, upper: float) -> dict[str, Any]:
    return {"initializer": "truncated_normal", "mean": mean, "std": std, "lower": lower, "upper": upper}


def _constant(value: float) -> dict[str, Any]:
    return {"initializer": "constant", "value": value}


def _case(initializer: dict[str, Any], shape: list[int], layout: str | None = "O", **rest: Any) -> dict[str, Any]:
    return {"initializer": initializer, "shape": shape, "layout": layout, **rest}


HE: Final = _scaled()
DTYPES: Final = ("float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
_CONV: Final = {"O": 7, "I": 5, "H": 3, "W": 2}
STACK: Final = ["layers.0.w", "layers.1.w", "слой.2.w", "\N{GRINNING FACE}", ""]

# The tensors of the project's first vectors, which an implementation of others computed: `--vectors` compares them.
FIRST_VECTORS: Final = [
    *(_case(HE, [256, 64], "OI", name="fc.weight", dtype=d) for d in ("float32", "float64", "bfloat16", "float16")),
    _case(HE, [64, 256], "IO", name="fc.weight"),
    _case(HE, [3, 3, 17, 33], "HWIO", seed=42, name="conv"),
    _case(HE, [33, 17, 3, 3], "OIHW", seed=42, name="conv"),
    _case(HE, [513, 1025], "OI", seed=BIG),
    _case(_scaled(distribution="uniform"), [256, 64], "OI", seed=1, name="u"),
    _case(_scaled(1.0, "fan_avg", "uniform"), [129, 65], "OI", seed=2**32, name="блок.0.重み"),
    _case(_scaled(distribution="truncated_normal"), [300, 200], "OI", seed=9, name="t"),
    _case(_normal(0.0, 0.01), [128, 128], "OI", seed=3, name="random"),
    _case(_normal(1.0, 0.02), [1000], seed=3, name="norm.scale"),
    _case(_normal(-0.25, 2.0), [1000], seed=3, name="m"),
    _case(_uniform(0.0, 1.0), [1000], seed=3, name="m"),
    _case(_truncated(0.0, 0.02, -2.0, 2.0), [1000], seed=3, name="m", dtype="bfloat16"),
    _case(_truncated(0.0, 0.02, -1.0, 3.0), [1000], seed=3, name="m"),
    _case(HE, [8, 6, 4, 4], "IOHW", seed=11, name="deconv", transposed=True, groups=2, stride=[2, 2]),
    _case(HE, [8, 3, 3, 3], "OIHW", seed=11, name="grouped", groups=2),
]

_IDENTITY: Final = {"initializer": "identity", "gain": 0.3}
_DIRAC: Final = {"initializer": "dirac", "gain": 1.1}
_ONE_OUT: Final[list[tuple[dict[str, Any], list[int], str, int, dict[str, Any]]]] = [
    (_IDENTITY, [1, 12], "OI", 3, {"slices": [[0, 1], [3, 10]]}),
    (_IDENTITY, [2, 2, 1, 6], "ISOI", 4, {"name": ["a", "b"]}),
    (_DIRAC, [9, 1, 3, 2], "IOHW", 3, {"stride": [2, 1], "dtype": "float16"}),
    (_DIRAC, [2, 3, 1, 8], "HWOI", 2, {"slices": [[0, 2], [1, 2], [0, 1], [2, 7]]}),
    (HE, [8, 1], "IO", 2, {"name": "w"}),
    (HE, [6, 1, 2, 3], "IOHW", 3, {"name": "w", "stride": [2, 2]}),
    (_scaled(0.7, "fan_geo", "uniform"), [12, 1, 4], "IOW", 4, {"name": "w", "stride": [3]}),
    (_scaled(1.0, "fan_avg", "truncated_normal"), [1, 6, 2], "OIW", 3, {"name": "w", "dtype": "bfloat16"}),
    (_normal(0.5, 0.1), [10, 1], "IO", 5, {"name": "w", "slices": [[3, 9], [0, 1]]}),
]

CASES: Final[dict[str, dict[str, Any]]] = {
    **{f"first vectors, {k}": case for k, case in enumerate(FIRST_VECTORS)},
    # Every dtype, every distribution.
    **{f"he, {d}": _case(HE, [48, 33], "OI", name="fc.weight", dtype=d) for d in DTYPES},
    **{
        f"uniform, {d}": _case(_scaled(1.0, "fan_avg", "uniform"), [31, 20], "IO", seed=1, name="u", dtype=d)
        for d in DTYPES
    },
    **{
        f"truncated, {d}": _case(_scaled(1.0, "fan_out", "truncated_normal"), [17, 40], "OI", seed=9, name="t", dtype=d)
        for d in DTYPES
    },
    # A million elements.
    **{f"he, 2^20, {d}": _case(HE, [1024, 1024], "OI", seed=7, name="big", dtype=d) for d in DTYPES},
    "uniform, 2^20": _case(_uniform(-0.05, 0.05), [2**20], seed=8, name="big"),
    "truncated, 2^20": _case(_truncated(0.0, 0.02, -2.0, 2.0), [2**20], seed=8, name="big"),
    "mean, 2^20": _case(_normal(1.0, 0.02), [2**20], seed=8, name="big"),
    "convolution, 2^20, HWIO": _case(HE, [4, 4, 256, 256], "HWIO", seed=8, name="big"),
    # The mean on the lattice.
    "mean 1, narrow": _case(_normal(1.0, 0.02), [700], name="norm.scale"),
    "mean below the deviation": _case(_normal(-0.25, 2.0), [700], name="m"),
    "mean a million deviations away": _case(_normal(3.0, 3e-6), [700], name="m"),
    "mean that shifts the lattice away": _case(_normal(-1e6, 1e-7), [700], name="m"),
    "mean, float64": _case(_normal(0.1, 0.3), [700], name="m", dtype="float64"),
    "mean, float64, beyond 32 bits": _case(_normal(100.0, 1e-4), [700], name="m", dtype="float64"),
    "mean, float64, narrow": _case(_normal(1.0, 1e-9), [700], name="m", dtype="float64"),
    "mean, float64, shifted": _case(_normal(1e30, 1.0), [700], name="m", dtype="float64"),
    "uniform, float64, narrow": _case(_uniform(1.0, 1.0000001), [700], name="m", dtype="float64"),
    "truncated normal, float64, narrow": _case(
        {"initializer": "truncated_normal", "mean": -3.0, "std": 1e-9, "lower": -1.0, "upper": 2.5},
        [700],
        name="m",
        dtype="float64",
    ),
    "mean, bfloat16": _case(_normal(1.0, 0.1), [700], name="m", dtype="bfloat16"),
    "mean, float16": _case(_normal(-3.0, 0.7), [700], name="m", dtype="float16"),
    "uniform from 0 to 1": _case(_uniform(0.0, 1.0), [700], name="m"),
    "uniform, uneven": _case(_uniform(-0.001, 2.0), [700], name="m"),
    "uniform, far from 0": _case(_uniform(1000.0, 1000.5), [700], name="m"),
    "uniform, float64": _case(_uniform(-0.1, 0.3), [700], name="m", dtype="float64"),
    "truncated about a mean": _case(_truncated(0.5, 0.1, -1.5, 1.0), [700], name="m"),
    # Truncations.
    "truncated at -1 and 3": _case(_truncated(0.0, 0.02, -1.0, 3.0), [700], name="m"),
    "truncated above": _case(_truncated(0.0, 0.02, -20.0, 0.5), [700], name="m"),
    "truncated to the positive half": _case(_truncated(0.0, 1.0, 0.0, 9.0), [700], name="m"),
    "truncated to a sliver": _case(_truncated(0.0, 1.0, 2.5, 2.625), [700], name="m"),
    "truncated nowhere": _case(_truncated(0.0, 1.0, -7.0, 7.5), [700], name="m"),
    # Variance scaling: every mode and distribution, on a grouped convolution.
    **{
        f"{mode}, {law}": _case(_scaled(1.7, mode, law), [10, 3, 2, 3], "OIHW", seed=5, name="v", groups=2)
        for mode in ("fan_in", "fan_out", "fan_avg", "fan_geo")
        for law in ("normal", "uniform", "truncated_normal")
    },
    "he for a leaky slope of 0.01": _case(_scaled(2.0 / (1.0 + 0.01 * 0.01), "fan_out"), [31, 9], "OI", name="leaky"),
    # Layouts: the same convolution in several.
    **{
        f"convolution, {layout}": _case(HE, [_CONV[letter] for letter in layout], layout, seed=42, name="conv")
        for layout in ("OIHW", "HWIO", "OHWI", "WHOI")
    },
    "convolution, OIDHW": _case(HE, [4, 3, 2, 3, 2], "OIDHW", seed=42, name="conv3"),
    "convolution, DHWIO": _case(HE, [2, 3, 2, 3, 4], "DHWIO", seed=42, name="conv3"),
    "convolution, WIO": _case(HE, [5, 6, 7], "WIO", seed=42, name="conv1"),
    "depthwise": _case(HE, [12, 1, 3, 3], "OIHW", seed=11, name="depthwise", groups=6),
    "heads, IOO": _case(HE, [12, 3, 5], "IOO", seed=3, name="query"),
    "heads, OOI": _case(HE, [3, 5, 12], "OOI", seed=3, name="query"),
    "heads, IIO": _case(_scaled(1.0, "fan_avg", "uniform"), [3, 5, 12], "IIO", seed=3, name="out"),
    # Transposed convolutions.
    "transposed": _case(HE, [5, 4, 3, 2], "IOHW", seed=11, name="deconv", transposed=True, stride=[2, 3]),
    "transposed, grouped": _case(
        HE, [8, 6, 4, 4], "IOHW", seed=11, name="deconv", transposed=True, groups=2, stride=[2, 2]
    ),
    "transposed, grouped, HWIO": _case(
        HE, [2, 3, 9, 2], "HWIO", seed=11, name="deconv", transposed=True, groups=3, stride=[2, 1]
    ),
    "transposed, grouped, two in-axes": _case(
        HE, [4, 2, 3, 2], "IIOW", seed=11, name="deconv", transposed=True, groups=2
    ),
    "transposed, grouped, a part": _case(
        HE,
        [12, 3, 2, 2],
        "IOHW",
        seed=11,
        name="deconv",
        transposed=True,
        groups=3,
        slices=[[3, 10], [1, 3], [0, 2], [1, 2]],
    ),
    # Stacks.
    "stack": _case(HE, [5, 6, 7], "SOI", seed=4, name=STACK),
    "stack in the middle": _case(HE, [6, 5, 7], "OSI", seed=4, name=STACK),
    "stack, a part": _case(HE, [5, 6, 7], "SOI", seed=4, name=STACK, slices=[[1, 4], [2, 6], [0, 5]]),
    "stack of scalars": _case(_normal(0.0, 1.0), [5], "S", seed=4, name=STACK),
    # Names and seeds.
    "no name": _case(_normal(0.0, 1.0), [33], None, seed=42),
    "empty name": _case(_normal(0.0, 1.0), [33], None, seed=42, name=""),
    "name in several scripts": _case(_normal(0.0, 1.0), [33], None, seed=2**32, name="блок.0.重み"),
    "composed name": _case(_normal(0.0, 1.0), [33], None, name="caf\u00e9"),
    "decomposed name": _case(_normal(0.0, 1.0), [33], None, name="cafe\u0301"),
    "seed 2^32 - 1": _case(_normal(0.0, 1.0), [33], None, seed=2**32 - 1),
    "seed 2^63": _case(_normal(0.0, 1.0), [33], None, seed=2**63),
    "seed 2^64 - 1": _case(HE, [13, 1025], "OI", seed=BIG),
    "seed 2^64 - 1, named": _case(HE, [13, 1025], "OI", seed=BIG, name="w"),
    # Parts and sizes.
    "a part": _case(HE, [33, 17, 3, 3], "OIHW", seed=42, name="conv", slices=[[30, 33], [5, 12], [0, 3], [1, 3]]),
    "blocks beyond 2^32": _case(
        _normal(0.0, 1.0), [2**20, 2**15], "OI", seed=6, name="huge", slices=[[2**20 - 3, 2**20], [2**15 - 7, 2**15]]
    ),
    "scalar": _case(_normal(0.0, 1.0), [], None, seed=1, name="scalar"),
    "nothing": _case(HE, [0, 7], "OI", seed=1, name="nothing"),
    # The edges of the formats.
    "float16 subnormals": _case(_normal(0.0, 1e-6), [33], dtype="float16"),
    "float16 zeros of both signs": _case(_normal(0.0, 1e-8), [33], dtype="float16"),
    "float8_e4m3fn subnormals": _case(_normal(0.0, 0.01), [33], dtype="float8_e4m3fn"),
    "float8_e4m3fn to its largest": _case(_normal(0.0, 72.0), [333], dtype="float8_e4m3fn"),
    "float32, as narrow as can be": _case(_normal(0.0, 4e-30), [33]),
    "float32, as wide as can be": _case(_normal(0.0, 5e37), [33]),
    # Constants.
    **{f"constant, {d}": _case(_constant(0.1), [3, 3], "OI", dtype=d) for d in DTYPES},
    "constant, negative and vanishing": _case(_constant(-1e-9), [3], dtype="float16"),
    "constant, a tie of float32 and float16": _case(_constant(1 + 2.0**-11 + 2.0**-30), [3], dtype="float16"),
    "mean, float64, at the end of the bits": _case(_normal(-1e6, 1e-9), [700], name="m", dtype="float64"),
    # Matrices.
    "identity": _case({"initializer": "identity", "gain": 0.3}, [5, 7], "IO"),
    "identity of a stack": _case({"initializer": "identity", "gain": 1.0}, [3, 4, 4], "SOI", name=["a", "b", "c"]),
    "identity, grouped": _case({"initializer": "identity", "gain": 2.5}, [6, 4], "OI", groups=3, dtype="bfloat16"),
    "dirac, an even kernel": _case({"initializer": "dirac", "gain": 1.0}, [4, 3, 6, 5], "HWIO"),
    "dirac, grouped": _case({"initializer": "dirac", "gain": 0.1}, [6, 2, 3, 2], "OIHW", groups=2, dtype="float16"),
    "dirac, transposed": _case(
        {"initializer": "dirac", "gain": 2.0}, [6, 3, 4], "IOW", groups=2, transposed=True, stride=[2]
    ),
    "sparse": _case({"initializer": "sparse", "sparsity": 0.3, "std": 0.01}, [33, 17], "OI", seed=3, name="w"),
    "identity, transposed groups of one out-channel": _case(
        {"initializer": "identity", "gain": 0.3}, [8, 1], "IO", groups=2, transposed=True
    ),
    "dirac, transposed groups of one out-channel": _case(
        {"initializer": "dirac", "gain": 1.5},
        [3, 1, 6],
        "WOI",
        groups=3,
        transposed=True,
        slices=[[0, 3], [0, 1], [1, 6]],
    ),
    "sparse, transposed groups of one out-channel": _case(
        {"initializer": "sparse", "sparsity": 0.5, "std": 1.0},
        [8, 1],
        "IO",
        seed=3,
        name="w",
        groups=2,
        transposed=True,
    ),
    "he, transposed groups of one out-channel": _case(
        HE, [3, 1, 6], "WOI", seed=3, name="w", groups=2, transposed=True, stride=[2]
    ),
    "sparse, unnamed": _case({"initializer": "sparse", "sparsity": 0.5, "std": 1.0}, [8, 5], "OI", seed=3),
    "sparse, JAX order": _case(
        {"initializer": "sparse", "sparsity": 0.3, "std": 0.01}, [17, 33], "IO", seed=3, name="w"
    ),
    "sparse, a part": _case(
        {"initializer": "sparse", "sparsity": 0.75, "std": 2.0},
        [64, 48],
        "OI",
        seed=8,
        name="p",
        slices=[[9, 40], [5, 9]],
    ),
    "sparse, grouped": _case(
        {"initializer": "sparse", "sparsity": 0.5, "std": 1.0}, [12, 5], "OI", seed=8, groups=3, dtype="float64"
    ),
    "sparse, a stack": _case(
        {"initializer": "sparse", "sparsity": 0.5, "std": 1.0},
        [7, 3, 6],
        "OSI",
        seed=8,
        name=["a", "b", "c"],
        dtype="bfloat16",
    ),
    "sparse, half of a million": _case(
        {"initializer": "sparse", "sparsity": 0.5, "std": 0.01}, [1024, 1031], "OI", seed=9, name="large"
    ),
    "sparse, nothing left": _case({"initializer": "sparse", "sparsity": 1.0, "std": 1.0}, [4, 3], "OI"),
    # The stream that the mask of "sparse, unnamed" must not be.
    "normal, called mask": _case(_normal(0.0, 1.0), [8, 5], "OI", seed=3, name="mask"),
    # Transposed, with one out-channel and several in-channels per group: the orders agree, the matrices do not.
    **{
        f"one out-channel per group, {title}": _case(initializer, shape, layout, groups=groups, transposed=True, **rest)
        for initializer, shape, layout, groups, rest in _ONE_OUT
        for title in [f"{initializer['initializer']}, {layout} {'x'.join(map(str, shape))}"]
    },
}
