"""Gains: the literals against 32 digits, functions against closed forms, and what he_normal makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import pytest

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.gains import second_moment, slope_moment
from fanin.gains.activations import SELU_ALPHA, SELU_SCALE, activation_names, get_activation
from fanin.gains.quadrature import gaussian_square_mean
from fanin.initializers import VarianceScaling

mp = mpmath.mp.clone()
mp.dps = 32
KINKS = [-30, -16, -8, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 16, 30]

Function = Callable[[Any], Any]


def _logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _clip(x: Any, low: float, high: float) -> Any:
    return min(max(x, mp.mpf(low)), mp.mpf(high))


def _gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)))


# Written down a second time, from the definitions, and differentiated by mpmath.
DEFINITIONS: dict[str, Function] = {
    "linear": lambda x: x,
    "relu": lambda x: max(x, mp.mpf(0)),
    "relu6": lambda x: _clip(x, 0, 6),
    "leaky_relu": lambda x: x if x > 0 else mp.mpf(0.01) * x,
    "prelu": lambda x: x if x > 0 else x / 4,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "celu": lambda x: x if x > 0 else mp.expm1(x),
    "selu": lambda x: mp.mpf(SELU_SCALE) * (x if x > 0 else mp.mpf(SELU_ALPHA) * mp.expm1(x)),
    "gelu": lambda x: x * mp.ncdf(x),
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x * _logistic(x),
    "mish": lambda x: x * mp.tanh(mp.log(1 + mp.exp(x))),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "tanh": mp.tanh,
    "sigmoid": _logistic,
    "hardtanh": lambda x: _clip(x, -1, 1),
    "hardsigmoid": lambda x: _clip((x + 3) / 6, 0, 1),
    "hardswish": lambda x: x * _clip((x + 3) / 6, 0, 1),
}


def moment(function: Function) -> float:
    return float(mp.quad(lambda x: function(x) ** 2 * mp.npdf(x), KINKS))


def slope(function: Function) -> Function:
    return lambda x: mp.diff(function, x, h=mp.mpf(10) ** -14)


def test_every_activation_is_defined_here() -> None:
    assert sorted(DEFINITIONS) == sorted(activation_names())


@pytest.mark.parametrize("name", activation_names())
def test_literals_to_the_last_bit(name: str) -> None:
    activation = get_activation(name)
    assert activation.second_moment == moment(DEFINITIONS[name])
    assert math.isclose(activation.slope_moment, moment(slope(DEFINITIONS[name])), rel_tol=4e-15)


@pytest.mark.parametrize("name", activation_names())
def test_definitions(name: str) -> None:
    activation = get_activation(name)
    for x in (-7.3, -2.9, -1.1, -0.4, 0.3, 0.9, 2.2, 5.5, 6.5):
        assert math.isclose(activation.value(x), DEFINITIONS[name](mp.mpf(x)), rel_tol=1e-13, abs_tol=1e-15)
        assert math.isclose(activation.slope(x), slope(DEFINITIONS[name])(mp.mpf(x)), rel_tol=1e-11, abs_tol=1e-12)


@pytest.mark.parametrize("name", activation_names())
def test_quadrature_agrees_with_the_literals(name: str) -> None:
    """10 digits are promised; 12 are what rounding leaves."""
    activation = get_activation(name)
    assert math.isclose(gaussian_square_mean(activation.value), activation.second_moment, rel_tol=4e-12)
    assert math.isclose(gaussian_square_mean(activation.value, derivative=True), activation.slope_moment, rel_tol=6e-12)
    assert math.isclose(gaussian_square_mean(activation.slope), activation.slope_moment, rel_tol=4e-12)


def _tail(x: float) -> float:
    return math.erfc(x / math.sqrt(2)) / 2


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


CLOSED_FORMS: list[tuple[str, Callable[[float], float], float, float | None]] = [
    ("absolute value", abs, 1.0, 1.0),
    ("squared relu", lambda z: max(z, 0.0) ** 2, 1.5, 2.0),
    ("cube", lambda z: z**3, 15.0, 27.0),
    ("exp", math.exp, math.exp(2), math.exp(2)),
    ("sine", math.sin, (1 - math.exp(-2)) / 2, (1 + math.exp(-2)) / 2),
    ("fast sine", lambda z: math.sin(20 * z), 0.5, 200.0),
    ("shifted relu", lambda z: max(z - 0.3, 0.0), 1.09 * _tail(0.3) - 0.3 * _density(0.3), _tail(0.3)),
    ("step", lambda z: 1.0 if z > 0.1234567 else 0.0, _tail(0.1234567), None),
    ("window", lambda z: 1.0 + 10.0 * (1.2345 < z < 1.2445), 1.0 + 120.0 * (_tail(1.2345) - _tail(1.2445)), None),
    ("step at 0", lambda z: 1.0 if z > 0 else 0.0, 0.5, None),
    ("wide", lambda z: math.exp(z * z / 5), math.sqrt(5), 1.788854382),
    # by mpmath, since it is nearly a step
    ("narrow", lambda z: math.tanh(1e4 * z), 0.99992021154424783, 5319.23039677605),
    ("constant", lambda z: -3.0, 9.0, None),
]


@pytest.mark.parametrize(
    ("what", "function", "square", "slope_square"), CLOSED_FORMS, ids=[case[0] for case in CLOSED_FORMS]
)
def test_functions(what: str, function: Callable[[float], float], square: float, slope_square: float | None) -> None:
    assert math.isclose(second_moment(function), square, rel_tol=1e-11)
    assert math.isclose(fanin.gain(function), square**-0.5, rel_tol=1e-11)
    if slope_square is not None:
        assert math.isclose(slope_moment(function), slope_square, rel_tol=1e-11)
        assert math.isclose(fanin.backward_gain(function), slope_square**-0.5, rel_tol=1e-11)


def test_a_mean_has_12_digits() -> None:
    for function in (math.sin, math.tanh, math.atan):
        for derivative in (False, True):
            text = repr(gaussian_square_mean(function, derivative=derivative))
            assert len(text.replace("0.", "")) <= 12, text


@pytest.mark.parametrize(
    ("name", "parameter", "published"),
    [
        ("relu", None, math.sqrt(2)),  # He et al. 2015, equation 10
        ("leaky_relu", 0.2, math.sqrt(2 / 1.04)),  # equation 15
        ("prelu", -0.3, math.sqrt(2 / 1.09)),
        ("linear", None, 1.0),
        ("selu", None, 1.0),  # Klambauer et al. 2017: unit variance is the fixed point
        ("gelu", None, 1.5335),
        ("silu", None, 1.6765),
        ("elu", None, 1.2452),
        ("tanh", None, 1.5925),
    ],
)
def test_published_gains(name: str, parameter: float | None, published: float) -> None:
    assert math.isclose(fanin.gain(name, parameter), published, rel_tol=5e-5)


@pytest.mark.parametrize(
    ("name", "alpha", "square", "slope_square"),
    [("elu", 0.7, 0.57102325457153, 0.58236998059935), ("celu", 0.7, 0.59888029843432, 0.62662213562879)],
)
def test_alpha(name: str, alpha: float, square: float, slope_square: float) -> None:
    activation = get_activation(name, alpha)
    assert math.isclose(activation.second_moment, square, rel_tol=1e-11)
    assert math.isclose(activation.slope_moment, slope_square, rel_tol=1e-11)
    assert math.isclose(gaussian_square_mean(activation.value), square, rel_tol=1e-11)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("swish", "silu"), ("identity", "linear"), ("hard_sigmoid", "hardsigmoid"), ("hard_silu", "hardswish")],
)
def test_aliases(alias: str, name: str) -> None:
    assert get_activation(alias) is get_activation(name)


@pytest.mark.parametrize("make", [fanin.he_normal, fanin.he_uniform, fanin.he_truncated_normal, fanin.kaiming_normal])
def test_he_takes_an_activation(make: Callable[..., VarianceScaling]) -> None:
    assert make(activation="relu") == make()
    assert make(activation="relu").scale == 2.0
    assert make(activation="leaky_relu") == make(0.01)
    assert make(activation="prelu", mode="fan_out") == make(0.25, "fan_out")
    assert make(activation="gelu").scale == 1 / 0.4252214825702987
    assert make(activation=lambda z: max(z, 0.0)).scale == 2.0


def test_relu_is_the_root_of_two() -> None:
    assert fanin.gain("relu") == fanin.backward_gain("relu") == math.sqrt(2)
    assert fanin.gain("leaky_relu", 0.3) == math.sqrt(2 / (1 + 0.3**2))


def test_the_bits_of_relu_are_those_of_he() -> None:
    one, other = fanin.he_normal(activation="relu"), fanin.he_normal()
    assert fanin.plan((7, 5), one, layout="OI", name="w") == fanin.plan((7, 5), other, layout="OI", name="w")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fanin.gain("gleu"), FaninValueError, r"unknown activation 'gleu'\. Did you mean 'gelu'\?.*a function"),
        (lambda: fanin.gain("tanh", 0.1), FaninValueError, r"'tanh' has no parameter\. Received: 0\.1.*leaky_relu"),
        (lambda: fanin.gain("celu", 0.0), FaninValueError, r"alpha of celu must be above 0\. Received: 0\.0"),
        (lambda: fanin.gain("elu", math.inf), FaninValueError, r"parameter of elu must be finite"),
        (lambda: fanin.gain(3), FaninTypeError, r"a function from float to float\. Received: 3 of type int"),  # type: ignore[arg-type]
        (
            lambda: fanin.gain(math.sin, 1.0),
            FaninValueError,
            r"a parameter is accepted only with the name of an activation",
        ),
        (lambda: fanin.gain(lambda z: 0.0), FaninValueError, r"has a mean square of 0"),
        (lambda: fanin.gain(lambda z: z / z - 1), FaninValueError, r"has a mean square of 0"),
        (lambda: fanin.gain(math.log), FaninTypeError, r"raised ValueError.*Wrap it"),
        (lambda: fanin.gain(lambda z: "z"), FaninTypeError, r"raised ValueError"),  # type: ignore[arg-type,return-value]
        (lambda: fanin.gain(lambda z: math.exp(z * z)), FaninValueError, r"which is inf at -37"),
        (lambda: fanin.gain(lambda z: math.exp(z * z / 4.2)), FaninValueError, r"grows so fast"),
        (lambda: fanin.gain(lambda z: round(z * 1e7) / 1e7), FaninValueError, r"too rough to integrate to 10 digits"),
        (lambda: fanin.backward_gain(lambda z: 3.0), FaninValueError, r"has a mean square of 0"),
        (lambda: fanin.backward_gain(lambda z: 1.0 if z > 0.3 else 0.0), FaninValueError, r"too rough"),
        (lambda: fanin.backward_gain(lambda z: abs(z) ** 0.5), FaninValueError, r"too rough"),
        (lambda: fanin.he_normal(0.1, activation="relu"), FaninValueError, r"Pass only one of them"),
    ],
    ids=lambda x: x[:20] if isinstance(x, str) else "",
)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_the_documentation_has_these_numbers() -> None:
    page = (Path(__file__).parents[4] / "docs" / "gains.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    expected = [
        [f" `{name}` ", *(f" {g(name):.4f} " for g in (fanin.gain, fanin.backward_gain))] for name in activation_names()
    ]
    assert rows == expected
