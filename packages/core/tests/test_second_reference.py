"""The reference, and what `plan` refuses, against the program of tools/second_reference.

That program computes whole tensors from their arguments, with fans, means, ranks and refusals of its own.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from second_reference import Refused, tobytes

import fanin
from fanin import FaninError, Initializer, reference
from fanin.golden import golden_cases

TOOLS = Path(__file__).parents[1] / "tools"
GOLDEN = Path(fanin.__file__).parent / "_data" / "golden.json"
SMALL = 300  # elements of the golden cases that are drawn and changed
CHANGED = 1000

Arguments = dict[str, Any]


def first(arguments: Arguments) -> bytes:
    """Return what the package's scalar reference gives for arguments in the golden vectors' form."""
    given = dict(arguments)
    if (slices := given.pop("slices", None)) is not None:
        slices = [None if part is None else slice(*part) for part in slices]
    initializer = Initializer.from_dict(given.pop("initializer"))
    return reference.tobytes(fanin.plan(given.pop("shape"), initializer, slices=slices, **given))


def outcome(draw: Any, arguments: Arguments) -> bytes | None:
    """Return the bytes, or None where the arguments are refused."""
    try:
        data = draw(arguments)
    except (FaninError, Refused):
        return None
    assert isinstance(data, bytes)
    return data


def second(arguments: Arguments) -> bytes:
    return tobytes(**arguments)


def small_cases() -> list[Arguments]:
    small = [case.title for case in golden_cases() if math.prod(case.shape) <= SMALL]
    cases = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    results = ("title", "first_bits", "sha256")
    return [
        {key: value for key, value in case.items() if key not in results} for case in cases if case["title"] in small
    ]


def test_the_program_runs_where_the_package_cannot_be_imported() -> None:
    script = """
import json, sys
sys.modules["fanin"] = sys.modules["numpy"] = None
from second_reference import tobytes
cases = json.load(sys.stdin)
for case in cases:
    tobytes(**case)
print(len(cases))
"""
    small = json.dumps(small_cases())
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, cwd=TOOLS, input=small, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60


NORMAL = {"initializer": "normal"}
TINY = float.fromhex("0x1p-98")
UNIFORM = {"initializer": "uniform"}
TRUNCATED = {"initializer": "truncated_normal"}
SCALED = {"initializer": "variance_scaling", "scale": 2.0, "mode": "fan_in", "distribution": "normal"}
DENSE: Arguments = {"initializer": SCALED, "shape": [4, 6], "layout": "OI", "name": "w"}
CONV: Arguments = {**DENSE, "shape": [4, 6, 3, 2], "layout": "OIHW"}
DECONV: Arguments = {**CONV, "transposed": True}
HEADS: Arguments = {**DENSE, "shape": [3, 4, 2], "layout": "IIO", "transposed": True}
STACK: Arguments = {**DENSE, "shape": [2, 4, 3], "layout": "SOI", "name": ["a", "b"]}
BIAS: Arguments = {"initializer": NORMAL, "shape": [5]}
INFINITY, NAN = float("inf"), float("nan")


def law(base: Arguments, dtype: str = "float32", **settings: Any) -> Arguments:
    return {**BIAS, "dtype": dtype, "initializer": {**base, **settings}}


def matrix(kind: str, base: Arguments = DENSE, **settings: Any) -> Arguments:
    return {**base, "initializer": {"initializer": kind, **settings}}


# Each row: a call, changes of it that are refused, and changes next to them that are not.
EDGES: list[tuple[Arguments, list[Arguments], list[Arguments]]] = [
    (DENSE, [{"seed": seed} for seed in (2**64, -1, True, 1.0, "1", None)], [{"seed": 2**64 - 1}, {"seed": 0}]),
    (DENSE, [{"name": name} for name in (3, b"w", "\ud800", ["a", "b"], [])], [{"name": ""}, {"name": None}]),
    (matrix("identity"), [{"seed": -1}, {"name": "\ud800"}], [{"name": None}]),
    (
        STACK,
        [{"name": name} for name in (None, "ab", ["a"], ["a", "b", "c"], ["a", "a"], ["a", None], ["a", "\ud800"])],
        [{"name": ["a", ""]}, {"name": ["a", "\ud800"], "slices": [[0, 1]]}],
    ),
    (matrix("identity", STACK), [{"name": "ab"}, {"name": ["a"]}], [{"name": None}]),
    ({**STACK, "shape": [0, 4, 3]}, [{"name": None}, {"name": ["a"]}], [{"name": []}]),
    (DENSE, [{"layout": layout} for layout in ("oi", "OX", "O", "OIW", 5, "", None)], [{"layout": "IO"}]),
    (CONV, [{"layout": layout} for layout in ("OIHH", "SSOI", "OIDDD")], [{"layout": "IOWD"}, {"layout": "OIOI"}]),
    (BIAS, [{"groups": 2}, {"transposed": True}, {"stride": 1}], [{"groups": 1}, {"transposed": False}]),
    (DECONV, [{"stride": s} for s in ([1], [1, 2, 3], 0, [1, 0], 1.5, True, [1, True])], [{"stride": [1, 2]}]),
    (CONV, [{"stride": 0}, {"stride": [2]}], [{"stride": 3}]),
    ({**DENSE, "transposed": True}, [{"stride": [1]}, {"stride": 0}], [{"stride": []}, {"stride": 3}]),
    (DENSE, [{"groups": groups} for groups in (0, -1, 3, 6, True, 2.0)], [{"groups": 2}, {"groups": 4}]),
    ({**DENSE, "transposed": True}, [{"groups": 4}], [{"groups": 3}, {"groups": 6}]),
    (DENSE, [{"transposed": 1}, {"transposed": None}], [{"transposed": True}]),
    (HEADS, [{"groups": 4}, {"groups": 2}], [{"groups": 6}, {"groups": 3}]),
    (HEADS, [], [{"groups": 4, "shape": [3, 4, 1]}, {"groups": 4, "shape": [3, 4, 0]}]),
    (matrix("identity", HEADS), [{"groups": 4, "shape": [3, 4, 1]}], [{"groups": 4, "shape": [3, 4, 0]}]),
    (DENSE, [{"dtype": dtype} for dtype in ("float128", "int32", "Float32", None, 3)], [{"dtype": "float64"}]),
    (
        DENSE,
        [{"slices": slices} for slices in ([[0, 5]], [[3, 2]], [[-1, 2]], [[0, 1]] * 3, [[0, True]], [[0, 1.0]])],
        [{"slices": slices} for slices in ([[4, 4]], [None, [1, 2]], [], [[0, 4]])],
    ),
    (DENSE, [{"shape": [-1, 2]}, {"shape": [4, 2.0]}, {"shape": [True, 2]}, {"shape": [2**62, 2]}], []),
    (
        {**DENSE, "shape": [2**61, 3], "slices": [[0, 2]]},
        [{"shape": [2**61, 4]}, {"slices": [[0, 2**61], [0, 1]]}, {"slices": None}],
        [{}],
    ),
    ({**BIAS, "shape": [0, 2**63 - 1]}, [{"shape": [0, 2**63]}], [{"shape": [0, 7]}]),
    (law({}), [{"initializer": data} for data in ({}, {"initializer": "he"}, {"initializer": "constant"})], []),
    (law(NORMAL), [law(NORMAL, gain=1.0)], [law(NORMAL, std=1)]),
    (law(NORMAL), [law(NORMAL, std=std) for std in (0, -1.0, NAN, INFINITY, True, "1", 10**400)], []),
    (law(NORMAL), [law(NORMAL, mean=mean) for mean in (NAN, INFINITY, None, 10**400)], [law(NORMAL, mean=1)]),
    (law(UNIFORM), [law(UNIFORM, low=1.0), law(UNIFORM, low=1, high=1), law(UNIFORM, low=2, high=1)], []),
    (
        law(UNIFORM, "float64"),
        [
            law(UNIFORM, "float64", low=-1e308, high=1e308),
            law(UNIFORM, "float64", low=8e307, high=1e308),
            law(UNIFORM, "float64", low=0.0, high=5e-324),
        ],
        [law(UNIFORM, "float64", low=-8e307, high=8e307), law(UNIFORM, "float64", low=7e307, high=1e308)],
    ),
    (
        law(TRUNCATED),
        [
            law(TRUNCATED, lower=1, upper=1),
            law(TRUNCATED, lower=2, upper=1),
            law(TRUNCATED, lower=NAN),
            law(TRUNCATED, lower=4.2, upper=INFINITY),
            law(TRUNCATED, lower=0, upper=3.8e-5),
        ],
        [
            law(TRUNCATED, lower=-INFINITY, upper=INFINITY),
            law(TRUNCATED, lower=4.1, upper=INFINITY),
            law(TRUNCATED, lower=0, upper=3.9e-5),
            law(TRUNCATED, lower=-7, upper=7.5),
        ],
    ),
    (
        DENSE,
        [
            {"initializer": {**SCALED, **change}}
            for change in ({"scale": 0}, {"mode": "fan"}, {"mode": None}, {"distribution": "he"}, {"scale": 1e-320})
        ],
        [{"initializer": {**SCALED, "mode": "fan_geo", "distribution": "truncated_normal"}}],
    ),
    (
        DENSE,
        [{"shape": [4, 0]}, {"shape": [0, 4], "initializer": {**SCALED, "mode": "fan_geo"}}],
        [{"shape": [0, 4]}, {"shape": [4, 0], "initializer": {**SCALED, "mode": "fan_avg"}}],
    ),
    # The ends of the formats: of the scale, and of the weights.
    (law(NORMAL), [law(NORMAL, std=TINY * (1 - 2**-20))], [law(NORMAL, std=TINY)]),
    (law(NORMAL), [law(NORMAL, std=1e39), law(NORMAL, std=5.47e37)], [law(NORMAL, std=5.46e37)]),
    (
        law(NORMAL),
        [law(NORMAL, "float64", std=2.0**-995)],
        [law(NORMAL, "float64", std=2.0**-994), law(NORMAL, "float64", std=2.8e307)],
    ),
    (law(UNIFORM), [law(UNIFORM, low=0, high=1e-31)], [law(UNIFORM, low=0, high=4e-31)]),
    (law(UNIFORM), [law(UNIFORM, low=-3.5e38, high=3.5e38)], [law(UNIFORM, low=-3.4e38, high=3.4e38)]),
    (
        law(NORMAL),
        [law(NORMAL, "float16", std=10520), law(NORMAL, "float8_e4m3fn", std=74.6)],
        [law(NORMAL, "float16", std=10510), law(NORMAL, "float8_e4m3fn", std=74.4)],
    ),
    (
        law(NORMAL),
        [
            law(NORMAL, "float16", mean=65000, std=100),
            law(NORMAL, mean=1e300, std=1.0),
            law(NORMAL, mean=-3e38, std=1e37),
        ],
        [law(NORMAL, "float16", mean=64000, std=100), law(NORMAL, mean=-2e38, std=1e37)],
    ),
    (
        law(TRUNCATED),
        [law(TRUNCATED, "float16", std=28900), law(TRUNCATED, "float16", std=25000, mean=20000.0, lower=-3)],
        [law(TRUNCATED, "float16", std=28750), law(TRUNCATED, "float16", std=20000, mean=-20000.0, upper=3, lower=-2)],
    ),
    (
        law({"initializer": "constant"}),
        [
            *(law({"initializer": "constant"}, value=value) for value in (NAN, INFINITY, 3.5e38, None)),
            law({"initializer": "constant"}, "float16", value=65520.0),
            law({"initializer": "constant"}, "float8_e4m3fn", value=464.1),
        ],
        [
            law({"initializer": "constant"}, value=-3.4e38),
            law({"initializer": "constant"}, "float64", value=1e300),
            law({"initializer": "constant"}, "float16", value=-65519.0),
            law({"initializer": "constant"}, "float8_e4m3fn", value=-464.0),
        ],
    ),
    # Matrices.
    (matrix("identity"), [{"layout": None}, {"layout": "OO"}, {"layout": "IW"}], [{"layout": "IO"}]),
    (matrix("identity", CONV), [{}, {"initializer": {"initializer": "sparse", "sparsity": 0.5}}], []),
    (matrix("dirac", CONV), [{"layout": "OOHW"}], [{}]),
    (matrix("dirac"), [matrix("dirac", gain=g) for g in (0, -1, INFINITY, NAN, "1")], [matrix("dirac", gain=2)]),
    (matrix("dirac"), [{"dtype": "float16", "initializer": {"initializer": "dirac", "gain": 1e5}}], [{}]),
    (
        matrix("sparse"),
        [matrix("sparse", sparsity=share) for share in (-0.1, 1.1, NAN, None)] + [matrix("sparse")],
        [matrix("sparse", sparsity=share) for share in (0, 1, 0.5)],
    ),
    (matrix("sparse"), [matrix("sparse", sparsity=0.5, std=std) for std in (0, 1e-30, 1e38)], []),
    (
        matrix("orthogonal", {**DENSE, "slices": [[0, 0]]}),
        [
            matrix("orthogonal", gain=1e-32),
            matrix("orthogonal", gain=1e39),
            {"dtype": "float16", "initializer": {"initializer": "orthogonal", "gain": 1e5}},
            {"initializer": {"initializer": "delta_orthogonal"}},
        ],
        [{}, {"initializer": {"initializer": "delta_orthogonal"}, "shape": [6, 4]}],
    ),
    (
        matrix("delta_orthogonal", {**DENSE, "transposed": True, "shape": [0, 6], "groups": 2}),
        [{"shape": [2, 6], "slices": [[0, 0]]}],
        [{}, {"shape": [3, 6], "slices": [[0, 0]]}],
    ),
]
REFUSED = [({**call, **change}) for call, changes, _ in EDGES for change in changes]
ACCEPTED = [({**call, **change}) for call, _, changes in EDGES for change in changes]


@pytest.mark.parametrize("arguments", REFUSED, ids=ascii)
def test_both_refuse(arguments: Arguments) -> None:
    with pytest.raises(FaninError):
        first(arguments)
    with pytest.raises(Refused):
        second(arguments)


@pytest.mark.parametrize("arguments", ACCEPTED, ids=ascii)
def test_both_accept_what_is_next_to_it(arguments: Arguments) -> None:
    assert first(arguments) == second(arguments)


def test_changed_golden_cases() -> None:
    """One or two arguments of a case are those of another: most mean nothing, and both refuse the same ones."""
    cases, draw = small_cases(), random.Random(1)
    keys = ["initializer", "shape", "layout", "seed", "name", "dtype", "slices", "groups", "transposed", "stride"]
    drawn = 0
    for _ in range(CHANGED):
        one, other = draw.sample(cases, 2)
        changed = draw.sample(keys, draw.randint(1, 2))
        merged = {key: (other if key in changed else one).get(key) for key in keys}
        arguments = {key: value for key, value in merged.items() if value is not None}
        data = outcome(second, arguments)
        assert outcome(first, arguments) == data, arguments
        drawn += data is not None
    assert 0.2 * CHANGED < drawn < 0.8 * CHANGED
