"""The theory against closed forms, and where it has no prediction."""

from __future__ import annotations

import math

import pytest

import fanin
from fanin import Initializer
from fanin.gains.activations import activation_names, get_activation
from fanin.lab.network import Network
from fanin.probe.theory import gaussian_moment, predict, weight_variances

NETWORK = Network(inputs=50, depth=3, width=20, classes=7)


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        (fanin.zeros(), [0.0, 0.0, 0.0, 0.0]),
        (fanin.random(), [1e-4] * 4),
        (fanin.he_normal(), [2 / 50, 2 / 20, 2 / 20, 2 / 20]),
        (fanin.he_uniform(), [2 / 50, 2 / 20, 2 / 20, 2 / 20]),
        (fanin.glorot_truncated_normal(), [2 / 70, 2 / 40, 2 / 40, 2 / 27]),
        (fanin.uniform(-0.3, 0.3), [0.03] * 4),
        (fanin.truncated_normal(std=0.1, lower=-1.0, upper=1.0), [0.01] * 4),
        (fanin.orthogonal(gain=2.0), [4 / 50, 4 / 20, 4 / 20, 4 / 20]),
        (fanin.sparse(0.5, std=0.1), [0.005, 0.005, 0.005, 0.01 * 3 / 7]),  # of 7 rows, 4 are 0
    ],
)
def test_variances(initializer: Initializer, expected: list[float]) -> None:
    assert weight_variances(initializer, NETWORK) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "initializer",
    [
        fanin.constant(0.1),
        fanin.normal(mean=0.1, std=1.0),
        fanin.uniform(0.0, 1.0),
        fanin.truncated_normal(lower=-1.0, upper=2.0),
        fanin.identity(),
    ],
)
def test_no_prediction_without_a_mean_of_zero(initializer: Initializer) -> None:
    assert weight_variances(initializer, NETWORK) is None
    assert predict(NETWORK, initializer, 1.0) is None


def test_relu_in_closed_form() -> None:
    theory = predict(NETWORK, fanin.random(), 3.0)
    assert theory is not None
    signal = [3.0]
    for fan_in in (50, 20, 20):
        signal.append(signal[-1] * fan_in * 1e-4 / 2)
    assert theory.activation_moments == pytest.approx([*signal[1:], signal[-1] * 20 * 1e-4], rel=1e-9)
    # From the output (7 units) back: each hidden layer takes its own fan-out, and ReLU passes one half.
    factors = [7 * 1e-4 / 2 * (20 * 1e-4 / 2) ** k for k in (2, 1, 0)]
    assert theory.gradient_factors == pytest.approx([*factors, 1.0], rel=1e-9)
    # E[phi^4] / E[phi^2]^2 - 1 is 5 for ReLU, so each layer of n units adds 5/n to the variance of the logarithm.
    spreads = [math.sqrt(5 / 20 * k) for k in (1, 2, 3)]
    assert theory.activation_spreads == pytest.approx([*spreads, math.sqrt(15 / 20 + 2 / 7)], rel=1e-6)
    assert theory.gradient_spreads == pytest.approx([*spreads[::-1], 0.0], rel=1e-6)


def test_zeros_pass_nothing_but_what_the_activation_adds() -> None:
    relu = predict(NETWORK, fanin.zeros(), 1.0)
    sigmoid = predict(Network(50, 2, 20, 7, "sigmoid"), fanin.zeros(), 1.0)
    assert relu is not None
    assert sigmoid is not None
    assert relu.activation_moments == (0.0, 0.0, 0.0, 0.0)
    assert relu.gradient_factors == (0.0, 0.0, 0.0, 1.0)
    assert sigmoid.activation_moments == (0.25, 0.25, 0.0)


@pytest.mark.parametrize("name", activation_names())
def test_the_gain_keeps_the_signal(name: str) -> None:
    initializer = fanin.variance_scaling(fanin.gain(name) ** 2, "fan_in", "normal")
    theory = predict(Network(50, 5, 20, 7, name), initializer, 1.0)
    assert theory is not None
    # The first pre-activation has the input's second moment, 1, times gain^2; a fixed point only where that is 1.
    scale = fanin.gain(name) ** 2
    assert theory.activation_moments[0] == pytest.approx(gaussian_moment(get_activation(name).value, scale), rel=1e-9)


def test_moments_beyond_a_double_are_no_prediction() -> None:
    assert predict(Network(50, 200, 20, 7), fanin.normal(std=100.0), 1.0) is None


@pytest.mark.parametrize(("q", "expected"), [(0.0, 1.0), (2.0, math.exp(4.0)), (0.5, math.exp(1.0))])
def test_gaussian_moments(q: float, expected: float) -> None:
    assert gaussian_moment(math.exp, q) == pytest.approx(expected, rel=1e-10)  # E[exp(z)^2] = exp(2 q)
