"""Bad input: each mistake has the error that says what is wrong, what was received and what is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import fanin
from fanin import FaninError, Initializer
from fanin.exceptions import (
    BackendConflictError,
    BackendImportError,
    BackendNotFoundError,
    BackendNotInstalledError,
    FaninTypeError,
    FaninValueError,
    SpecVersionError,
)
from fanin.initializers.names import get_initializer
from fanin.plans import Plan
from fanin.stream.keys import further_key, named_key

CONV = (8, 6, 3, 3)


class ComplexNumber(complex):
    """A complex scalar that has __float__, as NumPy's have."""

    def __float__(self) -> float:
        raise AssertionError("a complex number must not be asked for its real part")


class SeveralNumbers:
    """An array of several elements: it has the methods of a number, and they refuse."""

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")

    def __float__(self) -> float:
        raise TypeError("only length-1 arrays can be converted to Python scalars")


class Dtype:
    """A library's dtype that weights cannot have."""

    def __init__(self, name: str) -> None:
        self.name = name


def plan(shape: Any = (4, 3), initialization: Any = "he", **arguments: Any) -> Plan:
    return fanin.plan(shape, initialization, **{"layout": "OI", **arguments})


def random(shape: Any = (4, 3), **arguments: Any) -> Plan:
    return fanin.plan(shape, "random", **arguments)


def stack(name: Any, shape: Any = (3, 4, 2)) -> Plan:
    return fanin.plan(shape, "he", layout="SOI", name=name)


def he_normal(**arguments: Any) -> Initializer:
    return fanin.he_normal(**arguments)


VALUE, TYPE = FaninValueError, FaninTypeError
Case = tuple[Callable[[], object], type[FaninError], list[str]]

INITIALIZATION: list[Case] = [
    (
        lambda: plan(initialization="hee"),
        VALUE,
        ["unknown initialization 'hee'", "Did you mean 'he'?", "Accepted: zeros"],
    ),
    (lambda: plan(initialization="HeNormal"), VALUE, ["'HeNormal'", "Did you mean 'he_normal'?"]),
    (lambda: plan(initialization="eye"), VALUE, ["unknown initialization 'eye'", "Did you mean 'identity'?"]),
    (lambda: plan(initialization="eye_"), VALUE, ["Did you mean 'identity'?"]),
    (lambda: plan(initialization="lecun"), VALUE, ["Did you mean 'lecun_normal'?"]),
    (lambda: plan(initialization="random_normal"), VALUE, ["Did you mean 'normal'?"]),
    (lambda: plan(initialization="tf:he_normal"), VALUE, ["Did you mean 'keras:he_normal'?", "Accepted: keras:zeros"]),
    (lambda: plan(initialization="pytroch:eye"), VALUE, ["Did you mean 'torch:eye'?", "Accepted: torch:zeros"]),
    (lambda: plan(initialization="keras:HeNormal"), VALUE, ["Did you mean 'keras:he_normal'?"]),
    (lambda: plan(initialization="keras:foo"), VALUE, ["unknown profile 'keras:foo'. Accepted: keras:zeros"]),
    (lambda: plan(initialization="what:foo"), VALUE, ["unknown profile 'what:foo'. Accepted: flax:..., jax:..."]),
    (lambda: plan(initialization="unform"), VALUE, ["'unform'", "Did you mean 'uniform'?", "fanin.uniform("]),
    (lambda: plan(initialization="he(0.2)"), VALUE, ["unknown initialization", "fanin.he_normal(0.2)"]),
    (lambda: plan(initialization="normal(std=0.02)"), VALUE, ["call the function: fanin.normal(std=0.02)."]),
    (lambda: plan(initialization=""), VALUE, ["unknown initialization ''", "Accepted: zeros"]),
    (lambda: plan(initialization="uniform"), VALUE, ["'uniform' needs settings", "fanin.uniform(-0.05, 0.05)"]),
    (lambda: plan(initialization="constant"), VALUE, ["'constant' needs settings", "fanin.constant(0.5)"]),
    (lambda: plan(initialization="variance_scaling"), VALUE, ["needs settings", "fanin.variance_scaling("]),
    (
        lambda: plan(initialization=fanin.he_normal),
        TYPE,
        ["of type function", "add () after its name", "fanin.he_normal()"],
    ),
    (lambda: plan(initialization=None), TYPE, ["a name or a fanin Initializer", "Received: None of type NoneType"]),
    (lambda: get_initializer(0.01), TYPE, ["Received: 0.01 of type float"]),
    (lambda: Initializer.from_dict({"initializer": "normall"}), VALUE, ["'normall'", "Did you mean 'normal'?"]),
    (lambda: Initializer.from_dict({"std": 1.0}), VALUE, ["one of constant, normal", "Received: None"]),
    (lambda: Initializer.from_dict({"initializer": []}), VALUE, ["one of constant, normal", "Received: []"]),
    (
        lambda: Initializer.from_dict({"initializer": "normal", "sigma": 1.0}),
        VALUE,
        ["the settings mean, std", "{'sigma': 1.0}"],
    ),
    (lambda: Initializer.from_dict({"initializer": "normal", "std": "1"}), TYPE, ["std must be a real number", "'1'"]),
    (lambda: Initializer.from_dict(5), TYPE, ["must be a mapping", "Received: 5 of type int"]),  # type: ignore[arg-type]
]

SETTINGS: list[Case] = [
    (lambda: fanin.normal(std=-1.0), VALUE, ["std must be above 0", "Received: -1.0"]),
    (lambda: fanin.normal(std=0.0), VALUE, ["std must be above 0", "Received: 0.0", "fanin.constant(value)"]),
    (lambda: fanin.normal(std=math.inf), VALUE, ["std must be finite", "Received: inf"]),
    (lambda: fanin.normal(std=math.nan), VALUE, ["std must be a number", "Received: nan"]),
    (lambda: fanin.normal(std=10**400), VALUE, ["std must fit in a double", "Received: 1000"]),
    (lambda: fanin.normal(std="0.1"), TYPE, ["std must be a real number", "'0.1' of type str"]),  # type: ignore[arg-type]
    (lambda: fanin.normal(std=True), TYPE, ["std must be a real number", "True of type bool"]),
    (lambda: fanin.normal(std=None), TYPE, ["std must be a real number", "NoneType"]),  # type: ignore[arg-type]
    (lambda: fanin.normal(std=1j), TYPE, ["std must be a real number", "1j of type complex"]),  # type: ignore[arg-type]
    (lambda: fanin.normal(std=ComplexNumber(1)), TYPE, ["std must be a real number"]),  # type: ignore[arg-type]
    (lambda: fanin.normal(std=SeveralNumbers()), TYPE, ["std must be one real number"]),  # type: ignore[arg-type]
    (lambda: fanin.normal(0.02), TYPE, ["Received: normal(0.02).", "normal(mean=0.02) or normal(std=0.02)?"]),  # type: ignore[call-arg]
    (lambda: fanin.normal(0.5, 0.1), TYPE, ["Did you mean normal(mean=0.5, std=0.1)?"]),  # type: ignore[call-arg]
    (lambda: fanin.normal(0.5, std=0.1), TYPE, ["Did you mean normal(mean=0.5, std=0.1)?"]),  # type: ignore[call-arg]
    (lambda: fanin.normal(0.5, mean=0.1), TYPE, ["Did you mean normal(std=0.5, mean=0.1)?"]),  # type: ignore[misc]
    (lambda: fanin.normal(-0.5), TYPE, ["Did you mean normal(mean=-0.5)?"]),  # type: ignore[call-arg]
    (lambda: fanin.normal(1, 2, 3), TYPE, ["Received: normal(1, 2, 3).", "Accepted: normal(mean=0.0, std=0.01)."]),  # type: ignore[call-arg]
    (
        lambda: fanin.truncated_normal(0.02, upper=3.0),  # type: ignore[call-arg]
        TYPE,
        ["truncated_normal(mean=0.02, upper=3.0) or truncated_normal(std=0.02, upper=3.0)?"],
    ),
    (
        lambda: fanin.truncated_normal(0.5, 0.1, -1.0, 3.0),  # type: ignore[call-arg]
        TYPE,
        ["Did you mean truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0)?"],
    ),
    (lambda: fanin.normal(mean=-math.inf), VALUE, ["mean must be finite", "Received: -inf"]),
    (lambda: fanin.normal(mean=math.nan), VALUE, ["mean must be a number", "nan"]),
    (lambda: fanin.constant(math.inf), VALUE, ["the value of a constant must be finite", "inf"]),
    (lambda: fanin.constant([1.0]), TYPE, ["the value of a constant", "[1.0] of type list"]),  # type: ignore[arg-type]
    (lambda: fanin.uniform(0.5, 0.5), VALUE, ["low must be below high", "low=0.5, high=0.5", "fanin.constant(0.5)"]),
    (lambda: fanin.uniform(1.0, -1.0), VALUE, ["low must be below high", "low=1.0, high=-1.0", "Swap them"]),
    (lambda: fanin.uniform(-math.inf, 1.0), VALUE, ["low must be finite", "-inf"]),
    (lambda: fanin.uniform(-1e308, 1e308), VALUE, ["must fit in a double", "low=-1e+308"]),
    (lambda: fanin.uniform(1e308, 1.5e308), VALUE, ["must fit in a double", "high=1.5e+308"]),
    (
        lambda: fanin.truncated_normal(lower=2.0, upper=-2.0),
        VALUE,
        ["lower must be below upper", "lower=2.0, upper=-2.0"],
    ),
    (lambda: fanin.truncated_normal(lower=1.0, upper=1.0), VALUE, ["lower must be below upper", "Swap"]),
    (lambda: fanin.truncated_normal(lower=math.nan), VALUE, ["lower must be a number", "nan"]),
    (lambda: fanin.truncated_normal(std=-0.1), VALUE, ["std must be above 0", "-0.1"]),
    (lambda: fanin.variance_scaling(0.0, "fan_in", "normal"), VALUE, ["scale must be above 0", "Received: 0.0"]),
    (
        lambda: fanin.variance_scaling(1.0, "fanin", "normal"),  # type: ignore[arg-type]
        VALUE,
        ["mode must be one of fan_in, fan_out, fan_avg, fan_geo", "'fanin'", "Did you mean 'fan_in'?"],
    ),
    (
        lambda: fanin.variance_scaling(1.0, "fan_in", "gaussian"),  # type: ignore[arg-type]
        VALUE,
        ["distribution must be one of normal, uniform, truncated_normal", "'gaussian'"],
    ),
    (lambda: he_normal(negative_slope=math.inf), VALUE, ["negative_slope must be finite"]),
    (lambda: he_normal(mode="in"), VALUE, ["mode must be one of", "'in'"]),
]

RANGE: list[Case] = [
    (
        lambda: plan(initialization=fanin.normal(std=1e-31)),
        VALUE,
        ["too narrow for float32", "at least 3.155e-30", "float64"],
    ),
    (lambda: plan(initialization=fanin.normal(std=5e-324)), VALUE, ["too narrow for float32"]),
    (
        lambda: plan(initialization=fanin.normal(std=1e-301), dtype="float64"),
        VALUE,
        ["too narrow for float64", "5.973e-300"],
    ),
    (lambda: plan(initialization=fanin.normal(std=1e300)), VALUE, ["too wide for float32", "smaller scale"]),
    (lambda: plan(initialization=fanin.normal(std=6e37)), VALUE, ["weights up to 3.738e+38", "largest float32"]),
    (lambda: plan(initialization=fanin.normal(std=1e308), dtype="float64"), VALUE, ["beyond the largest float64"]),
    (lambda: plan(initialization=fanin.normal(mean=1.0, std=1e-42)), VALUE, ["too narrow for float32"]),  # subnormal
    (lambda: plan(initialization=fanin.normal(mean=1e300, std=1.0)), VALUE, ["weights up to 1e+300", "wider dtype"]),
    (lambda: plan(initialization=fanin.uniform(5e-324, 1e-323), dtype="float64"), VALUE, ["too narrow for float64"]),
    (lambda: plan(initialization=fanin.uniform(-1e-36, 1e-36)), VALUE, ["too narrow for float32", "1.972e-31"]),
    (lambda: plan(initialization=fanin.normal(std=79.0), dtype="float8_e4m3fn"), VALUE, ["largest float8_e4m3fn, 448"]),
    (lambda: plan(initialization=fanin.normal(std=10_600.0), dtype="float16"), VALUE, ["largest float16, 65504"]),
    (lambda: plan(initialization=fanin.constant(1e39)), VALUE, ["the constant 1e+39", "largest float32"]),
    (lambda: plan(initialization=fanin.constant(-65520.0), dtype="float16"), VALUE, ["-65520.0", "largest float16"]),
    (lambda: plan(initialization=fanin.constant(465.0), dtype="float8_e4m3fn"), VALUE, ["465.0", "448.0"]),
    (
        lambda: plan(initialization=fanin.truncated_normal(lower=4.5, upper=5.0)),
        VALUE,
        ["[4.5, 5.0]", "of 2^32 ranks, but at least 65536", "Widen the interval"],
    ),
    (lambda: plan(initialization=fanin.truncated_normal(lower=13.0, upper=14.0)), VALUE, ["0 of 2^32 ranks"]),
    (lambda: plan(initialization=fanin.truncated_normal(lower=0.0, upper=1e-80)), VALUE, ["0 of 2^32 ranks"]),
    (
        lambda: plan(
            initialization=fanin.truncated_normal(mean=1.0, std=1.7e308, lower=0.0, upper=1.0), dtype="float64"
        ),
        VALUE,
        ["too wide for float64"],
    ),
    (
        lambda: plan(initialization=fanin.variance_scaling(1e-300, "fan_in", "normal")),
        VALUE,
        ["too narrow for float32"],
    ),
]

SHAPES: list[Case] = [
    (lambda: plan((0, 0)), VALUE, ["fan_in is 0 for this shape", "Fans(fan_in=0.0, fan_out=0.0)"]),
    (lambda: plan((4, 0)), VALUE, ["fan_in is 0", "without zero dimensions"]),
    (lambda: plan((0, 4), fanin.he_normal(mode="fan_out")), VALUE, ["fan_out is 0"]),
    (lambda: plan((4, 0), "lecun_uniform"), VALUE, ["fan_in is 0"]),
    (lambda: plan((-1, 3)), VALUE, ["each dimension of a shape must be at least 0", "Received: -1"]),
    (lambda: plan((4, 3.0)), TYPE, ["sequence of whole numbers", "(4, 3.0)"]),
    (lambda: plan((4, True)), TYPE, ["each dimension of a shape must be a whole number", "True of type bool"]),
    (lambda: plan("43"), TYPE, ["shape must be a sequence of whole numbers", "'43' of type str"]),
    (lambda: plan(b"43"), TYPE, ["shape must be a sequence", "bytes"]),
    (lambda: plan(None), TYPE, ["shape must be a sequence", "None of type NoneType"]),
    (lambda: plan(2.5), TYPE, ["shape must be a sequence", "2.5 of type float"]),
    (lambda: plan({4, 3}), TYPE, ["shape must be a sequence", "of type set"]),
    (lambda: plan({4: 3}), TYPE, ["shape must be a sequence", "of type dict"]),
    (lambda: plan((4, SeveralNumbers())), TYPE, ["each dimension of a shape must be one whole number"]),
    (lambda: plan((2**32, 2**31)), VALUE, ["fewer than 2**63 elements", "4294967296"]),
    (lambda: plan((2**31, 2**30)), VALUE, ["fewer than 2**63 bytes", "2147483648", "float32", "slices"]),
    (lambda: plan((0, 2**700), fanin.he_normal(mode="fan_in")), VALUE, ["fewer than 2**63 elements"]),
]

LAYOUTS: list[Case] = [
    (
        lambda: plan(layout=None),
        VALUE,
        ["needs the fan-in, which is never guessed. Received: shape (4, 3)", '"OI"', '"IO"'],
    ),
    (lambda: plan(CONV, layout=None), VALUE, ["State the layout", '"OIHW" (torch conv2d)', '"HWIO"']),
    (lambda: plan((2,) * 7, layout=None), VALUE, ["State the layout", "7 letters, one per axis."]),
    (lambda: plan((5,), layout=None), VALUE, ["State the layout", 'without fans: "zeros", "ones".']),
    (lambda: plan(layout="o, i"), VALUE, ["unknown letter 'o'", "one letter per axis", "Did you mean 'OI'?"]),
    (lambda: plan(layout="OIH"), VALUE, ["layout 'OIH' names 3 axes, but the shape has 2", '"OI"']),
    (lambda: plan(layout=""), VALUE, ["layout '' names 0 axes, but the shape has 2"]),
    (lambda: plan(layout="OX"), VALUE, ["unknown letter 'X'", "O (out), I (in), D, H, W (spatial)", "S (stack)"]),
    (lambda: plan(layout="oi"), VALUE, ["unknown letter 'o'", "Did you mean 'OI'?"]),
    (lambda: plan(CONV, layout="NCHW"), VALUE, ["unknown letter 'N'", '"OIHW"']),
    (lambda: plan(CONV, layout="OIHH"), VALUE, ["repeats 'H'", "only O and I may"]),
    (lambda: plan((2, 2, 2), layout="SSO"), VALUE, ["repeats 'S'"]),
    (lambda: plan(layout=["O", "I"]), TYPE, ["layout must be a string or None", "['O', 'I'] of type list"]),
    (lambda: plan(layout=0), TYPE, ["layout must be a string or None", "0 of type int"]),
    (lambda: plan(CONV, layout="OIHW", groups=3), VALUE, ["groups=3 does not divide the 8 out-channels", "divisor"]),
    (
        lambda: plan(CONV, layout="IOHW", groups=3, transposed=True),
        VALUE,
        ["groups=3 does not divide the 8 in-channels", str(CONV)],
    ),
    (lambda: plan(CONV, layout="OIHW", groups=0), VALUE, ["groups must be at least 1", "Received: 0"]),
    (lambda: plan(CONV, layout="OIHW", groups=2.0), TYPE, ["groups must be a whole number", "2.0 of type float"]),
    (lambda: plan(CONV, layout="OIHW", transposed=1), TYPE, ["transposed must be True or False", "Received: 1"]),
    (lambda: plan(CONV, layout="IOHW", transposed=True, stride=0), VALUE, ["a stride must be at least 1", "0"]),
    (lambda: plan(CONV, layout="IOHW", transposed=True, stride=1.5), TYPE, ["a stride must be a whole number", "1.5"]),
    (
        lambda: plan(CONV, layout="IOHW", transposed=True, stride=(2,)),
        VALUE,
        ["one number per spatial axis: layout 'IOHW' has 2", "(2,)"],
    ),
    (lambda: plan(CONV, layout="IOHW", transposed=True, stride=(2, 2, 2)), VALUE, ["2 spatial axes", "'IOHW'"]),
    (lambda: random(groups=2), VALUE, ["groups, transposed and stride need a layout", "groups=2", '"OI"']),
    (lambda: random(transposed=True), VALUE, ["need a layout", "transposed=True"]),
    (lambda: random(stride=2), VALUE, ["need a layout", "stride=2"]),
    (
        lambda: plan((2, 3, 4), layout="IIO", groups=3, transposed=True),
        VALUE,
        ["groups=3 with 2 in-channels", "[2, 3]", "Merge the in-axes"],
    ),
]

SEEDS_AND_NAMES: list[Case] = [
    (lambda: plan(seed=-1), VALUE, ["seed must be an integer in [0, 2**64)", "Received: -1"]),
    (lambda: plan(seed=2**64), VALUE, ["seed must be an integer in [0, 2**64)", str(2**64), "seed % 2**64"]),
    (lambda: plan(seed=1.0), TYPE, ["seed must be a whole number", "1.0 of type float"]),
    (lambda: plan(seed="1"), TYPE, ["seed must be a whole number", "'1' of type str"]),
    (lambda: plan(seed=None), TYPE, ["seed must be a whole number", "None of type NoneType"]),
    (lambda: plan(seed=True), TYPE, ["seed must be a whole number", "True of type bool"]),
    (lambda: plan(seed=SeveralNumbers()), TYPE, ["seed must be one whole number"]),
    (lambda: plan(initialization="zeros", seed=-1), VALUE, ["seed must be an integer in [0, 2**64)"]),
    (lambda: plan(name=5), TYPE, ["name must be a string or None", "5 of type int"]),
    (lambda: plan(name=b"w"), TYPE, ["name must be a string or None", "b'w' of type bytes"]),
    (lambda: plan(name=["a", "b"]), TYPE, ["name must be a string or None", "is for a stack", 'layout="SOI"']),
    (lambda: plan(name="\ud800"), VALUE, ["text that UTF-8 can encode", "'\\ud800'", "surrogates"]),
    (lambda: named_key(0, 5), TYPE, ["a name must be a string or None", "5 of type int"]),  # type: ignore[arg-type]
    (lambda: further_key((0, 0), None), TYPE, ["a label must be a string"]),  # type: ignore[arg-type]
    (lambda: stack(None), TYPE, ["with 3 slices, each a separate stream", "name=None", "a list of 3 names"]),
    (lambda: stack("w"), TYPE, ["with 3 slices, each a separate stream", "name='w'"]),
    (lambda: stack(["a", "b"]), VALUE, ["'SOI' stacks 3 slices", "Received: 2 names"]),
    (lambda: stack(["a", "b", "a"]), VALUE, ["names of a stack must differ", "Received: 'a' more than once"]),
    (lambda: stack(["a", "b", 3]), TYPE, ["each name of a stack must be a string", "3 of type int"]),
    (lambda: stack(["a", "b", "\udfff"]), VALUE, ["UTF-8"]),
    (lambda: stack(["a"], shape=(0, 4, 2)), VALUE, ["stacks 0 slices", "1 names"]),
]

DTYPES: list[Case] = [
    *(
        (lambda name=name: plan(dtype=Dtype(name)), VALUE, ["weights must be real floating-point numbers", "float32"])
        for name in ("int32", "uint8", "complex64", "bool")
    ),
    (
        lambda: plan(dtype="int32"),
        VALUE,
        ["weights must be real", "'int32'", "Accepted: float64, float32, float16, bfloat16"],
    ),
    (lambda: plan(dtype="complex128"), VALUE, ["weights must be real", "'complex128'"]),
    (lambda: plan(dtype=int), VALUE, ["weights must be real", "<class 'int'>"]),
    (lambda: plan(dtype=complex), VALUE, ["weights must be real", "<class 'complex'>"]),
    (lambda: plan(dtype="flaot32"), VALUE, ["unknown dtype 'flaot32'", "Did you mean 'float32'?"]),
    (lambda: plan(dtype="half"), VALUE, ["unknown dtype 'half'", "Accepted: float64"]),
    (lambda: plan(dtype="half"), VALUE, ["unknown dtype 'half'", "Did you mean 'float16'?"]),
    (lambda: plan(dtype="torch.double"), VALUE, ["unknown dtype 'torch.double'", "Did you mean 'float64'?"]),
    (lambda: plan(dtype="float"), VALUE, ["Did you mean 'float32'?"]),
    (lambda: plan(dtype="float8_e4m3"), VALUE, ["unknown dtype", "Did you mean 'float8_e4m3fn'?"]),
    (lambda: plan(dtype=None), TYPE, ["a library's dtype", "None of type NoneType"]),
    (lambda: plan(dtype=32), TYPE, ["a library's dtype", "32 of type int"]),
]

SLICES: list[Case] = [
    (lambda: plan(slices=slice(0, 5)), VALUE, ["slices[0]", "0 <= start <= stop <= 4", "start=0, stop=5"]),
    (lambda: plan(slices=[None, slice(4, None)]), VALUE, ["slices[1]", "<= 3", "start=4, stop=3"]),
    (lambda: plan(slices=slice(3, 2)), VALUE, ["slices[0]", "start=3, stop=2", "(4, 3)"]),
    (lambda: plan(slices=slice(-1, None)), VALUE, ["the start of slices[0] must be at least 0", "-1"]),
    (lambda: plan(slices=slice(None, -1)), VALUE, ["the stop of slices[0] must be at least 0", "-1"]),
    (lambda: plan(slices=slice(0, 4, 2)), VALUE, ["slices[0] must have step 1", "slice(0, 4, 2)"]),
    (lambda: plan(slices=slice(4, 0, -1)), VALUE, ["the step of slices[0] must be at least 1", "-1"]),
    (lambda: plan(slices=slice(0.0, 2)), TYPE, ["the start of slices[0] must be a whole number", "0.0"]),
    (lambda: plan(slices=(slice(1), slice(1), slice(1))), VALUE, ["slices has 3 entries", "2 axes"]),
    (lambda: plan(slices=(0, slice(1))), TYPE, ["slices[0] must be a slice or None", "slice(i, i + 1)"]),
    (lambda: plan(slices=(..., slice(1))), TYPE, ["slices[0] must be a slice or None", "Ellipsis"]),
    (lambda: plan(slices=2), TYPE, ["slices must be None or a sequence", "2 of type int"]),
    (lambda: plan(slices="ab"), TYPE, ["slices must be None or a sequence", "'ab' of type str"]),
]

NETWORKS: list[Case] = [
    (lambda: fanin.init_parameters([64]), VALUE, ["at least an input and an output width", "[64]"]),
    (lambda: fanin.init_parameters([]), VALUE, ["at least an input and an output width", "[]"]),
    (lambda: fanin.init_parameters([64, 0, 10]), VALUE, ["each width must be at least 1", "Received: 0"]),
    (lambda: fanin.init_parameters([64, 2.5]), TYPE, ["each width must be a whole number", "2.5"]),  # type: ignore[list-item]
    (lambda: fanin.init_parameters(64), TYPE, ["widths must be a sequence", "64 of type int"]),  # type: ignore[arg-type]
    (lambda: fanin.init_parameters("64"), TYPE, ["widths must be a sequence", "'64'"]),  # type: ignore[arg-type]
    (lambda: fanin.init_parameters([4, 3], layout="HWIO"), VALUE, ['"OI" (out, in) or "IO"', "'HWIO'"]),
    (lambda: fanin.init_parameters([4, 3], "hee"), VALUE, ["Did you mean 'he'?"]),
    (lambda: fanin.init_parameters([4, 3], seed=-1), VALUE, ["seed must be an integer in [0, 2**64)"]),
]

BACKENDS: list[Case] = [
    (lambda: fanin.backend("nunpy"), BackendNotFoundError, ["unknown backend 'nunpy'", "Did you mean 'numpy'?"]),
    (
        lambda: fanin.init((2,), "zeros", backend="tf"),
        BackendNotFoundError,
        ["'tf'", "Installed:", "numpy, torch, jax"],
    ),
    (lambda: fanin.backend(3), TYPE, ["backend must be a name, None or a backend", "3 of type int"]),  # type: ignore[arg-type]
    (lambda: fanin.backend(object()), TYPE, ["which lacks name, SPEC_VERSION, capabilities, draw"]),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(
    ("call", "error", "fragments"),
    [
        pytest.param(*case, id=f"{group}-{k}-{case[2][0]}")
        for group, cases in {
            "initialization": INITIALIZATION,
            "settings": SETTINGS,
            "range": RANGE,
            "shape": SHAPES,
            "layout": LAYOUTS,
            "stream": SEEDS_AND_NAMES,
            "dtype": DTYPES,
            "slices": SLICES,
            "network": NETWORKS,
            "backend": BACKENDS,
        }.items()
        for k, case in enumerate(cases)
    ],
)
def test_bad_input(call: Callable[[], object], error: type[FaninError], fragments: list[str]) -> None:
    with pytest.raises(FaninError) as caught:
        call()
    assert type(caught.value) is error
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert message.endswith((".", "?", "...")), message


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (FaninValueError, ValueError),
        (FaninTypeError, TypeError),
        (BackendNotFoundError, LookupError),
        (BackendNotInstalledError, ImportError),
        (BackendImportError, ImportError),
        (BackendConflictError, RuntimeError),
        (SpecVersionError, RuntimeError),
    ],
)
def test_each_error_is_fanin_s_and_also_the_built_in_kind(error: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error, fanin.FaninError)
    assert issubclass(error, builtin)


@pytest.mark.parametrize("shape", [(0, 3), (0,), (2, 0, 3)])
def test_zero_sizes_are_fine_where_no_fan_is_needed(shape: tuple[int, ...]) -> None:
    assert fanin.plan(shape, "random").size == 0


@pytest.mark.parametrize(
    ("shape", "initialization"), [((0, 3), "he"), ((3, 0), "glorot_uniform"), ((3, 0), fanin.he_normal(mode="fan_out"))]
)
def test_zero_sizes_are_fine_where_the_fan_is_not_zero(shape: tuple[int, ...], initialization: Any) -> None:
    assert fanin.plan(shape, initialization, layout="OI").size == 0
