"""The verdicts: each course that a signal can take, in its own words."""

from __future__ import annotations

import math

import pytest

from fanin.lab.network import Network
from fanin.probe.verdict import dead_layer, describe, gain_advice, judge, tolerance

NETWORK = Network(inputs=50, depth=4, width=20, classes=7)


def course(factor: float, steps: int) -> list[float]:
    """Return mean squares that start at 1 and change by `factor` (of the root) a layer."""
    return [factor ** (2 * k) for k in range(steps)]


HE, RANDOM, WILD = "he (variance 2/fan_in)", "random (std 0.01)", "normal(std=9)"
CASES = [
    ("he", 1.0, 1.0, 20, [f"{HE}: the signal keeps its size (1.00× a layer)", "the gradient keeps its size"]),
    ("random", 0.1, 0.05, 20, [f"{RANDOM}: the signal shrinks 10× a layer", "the gradient shrinks 20× a layer"]),
    ("random", 0.001, 0.1, 20, ["1000× a layer", "is 1.0e-12, below float16's smallest number (6.0e-08)"]),
    ("random", 1e-20, 0.1, 20, ["below float32's smallest number (1.4e-45)"]),
    ("random", 0.1, 0.1, 20, ["after 4 layers it is 1.0e-04, and after 8 it would leave float16's range"]),
    (WILD, 10.0, 30.0, 20, [f"{WILD}: the signal grows 10× a layer", "the gradient grows 30× a layer"]),
    (WILD, 1e3, 1.0, 20, ["it is 1.0e+12, beyond float16's largest number (6.6e+04)"]),
    (WILD, math.inf, 1.0, 20, ["the signal overflows float32"]),
    (WILD, 1e30, 1e30, 20, ["grows 1e+30× a layer", "beyond float32's largest number"]),
    ("random", 1.0, 0.0, 20, ["the gradient is 0 on its way back"]),
    ("zeros", 0.0, 0.0, 1, ["the signal and the gradient are 0 in every hidden layer", "the output's bias learns"]),
    ("constant(0.1)", 1.0, 1.0, 1, ["all 20 units of a hidden layer are identical", "worth one unit"]),
    ("constant(0.1)", 1e9, 1.0, 1, ["worth one unit; the signal grows 1e+09× a layer", "beyond float16's largest"]),
    ("ones", math.inf, 1.0, 1, ["worth one unit; the signal overflows float32"]),
]


@pytest.mark.parametrize(("label", "signal", "gradient", "distinct", "words"), CASES)
def test_sentences(label: str, signal: float, gradient: float, distinct: int, words: list[str]) -> None:
    activations = [*course(signal, 5)[1:], 1.0]
    gradients = [*course(gradient, 4)[::-1], 1.0] if gradient else [0.0] * 4 + [1.0]
    sentence = judge(label, NETWORK, 1.0, activations, gradients, distinct).sentence
    for part in words:
        assert part in sentence


SEVERITIES = [
    ("he", 1.0, 1.0, 20, 0, "fine"),
    ("he", 1.0, 1.0, 20, 2, "warning"),
    ("he", 3.0, 1.0, 20, 0, "warning"),
    ("he", 1.0, 3.0, 20, 0, "warning"),
    ("random", 0.05, 1.0, 20, 0, "failure"),
    ("random", 1.0, 0.0, 20, 0, "failure"),
    (WILD, math.inf, 1.0, 20, 0, "failure"),
    ("constant(0.1)", 1.0, 1.0, 1, 0, "failure"),
]


@pytest.mark.parametrize(("label", "signal", "gradient", "distinct", "died", "severity"), SEVERITIES)
def test_severities(label: str, signal: float, gradient: float, distinct: int, died: int, severity: str) -> None:
    activations = [*course(signal, 5)[1:], 1.0]
    gradients = [*course(gradient, 4)[::-1], 1.0] if gradient else [0.0] * 4 + [1.0]
    verdict = judge(label, NETWORK, 1.0, activations, gradients, distinct, 5, died=died)
    assert verdict.severity == severity
    assert ("in 2 of 5 networks it dies out" in verdict.sentence) == (died == 2)


def test_factors_are_those_between_hidden_layers() -> None:
    # The first hidden layer is 100 times the input, the output a million times the last: neither counts.
    verdict = judge("he", NETWORK, 1.0, [1e4, 4e4, 16e4, 64e4, 1e16], [2.0**-6, 2.0**-4, 0.25, 1.0, 1e6], 20)
    assert verdict.signal_factor == pytest.approx(2.0)
    assert verdict.gradient_factor == pytest.approx(0.5)


def test_a_network_that_only_its_first_layer_dims_has_no_last_layer() -> None:
    sentence = judge("he", NETWORK, 1.0, [1e-6, 1e-6, 1e-6, 1e-6, 1.0], [1.0] * 5, 20).sentence
    assert "after 4 layers it is 1.0e-03; the gradient keeps its size" in sentence


# 9 layers of 20 units and a single network: chance changes a root mean square by a factor of exp(sqrt(5 * 8 / 20) / 2),
# or 2.03, in one of three networks, and by its cube, 8.34, in one of 400. Of 200 units and 50 seeds, by 1.03 and 1.10;
# there the 5 % a layer, or 1.48 in all, are more. Of 30 layers those would be 4.1, and it is 2.
COURSES = [
    (9, 20, 1, 8.3, "keeps its size (1.30× a layer)"),
    (9, 20, 1, 8.4, "grows 1.3× a layer"),
    (9, 20, 1, 1 / 8.3, "keeps its size (0.77× a layer)"),
    (9, 20, 1, 1 / 8.4, "shrinks 1.3× a layer"),
    (9, 20, 4, 2.8, "keeps its size (1.14× a layer)"),
    (9, 20, 4, 2.95, "grows 1.14× a layer"),
    (9, 200, 50, 1.47, "keeps its size (1.05× a layer)"),
    (9, 200, 50, 1.49, "grows 1.05× a layer"),
    (30, 2000, 50, 1.99, "keeps its size (1.02× a layer)"),
    (30, 2000, 50, 2.01, "grows 1.02× a layer"),
    (2, 256, 3, 0.41, "shrinks 2.44× a layer"),
]


@pytest.mark.parametrize(("depth", "width", "seeds", "total", "words"), COURSES)
def test_what_counts_as_steady(depth: int, width: int, seeds: int, total: float, words: str) -> None:
    factor = total ** (1 / (depth - 1))
    moments = course(factor, depth)
    network = Network(50, depth, width, 7)
    sentence = judge("he", network, 1.0, [*moments, 1.0], [*moments[::-1], 1.0], width, seeds).sentence
    assert f"the signal {words}" in sentence
    assert f"the gradient {words} on its way back" in sentence
    assert (abs(math.log(total)) < tolerance(depth, width, seeds)) == ("keeps" in words)


DEAD = [
    ("relu", [1.0, 0.5, 0.0, 0.0, 0.0], [1.0] * 5, 3),
    ("relu6", [0.0, 0.0, 0.0, 0.0, 0.0], [1.0] * 5, 1),
    ("relu", [1.0, 1.0, 1.0, 1.0, 0.0], [1.0] * 5, None),  # the output has no units to die
    ("relu", [1.0, 1e-60, 0.0, 0.0, 0.0], [1.0, 1e-60, 1e-100, 0.0, 0.0], None),  # too small for float32
    ("relu", [0.0] * 5, [0.0] * 5, None),  # from zeros
    ("relu", [1.0, 0.0, 0.0, 0.0, 0.0], [], None),  # nothing is predicted
    ("tanh", [1.0, 0.0, 0.0, 0.0, 0.0], [1.0] * 5, None),
]


@pytest.mark.parametrize(("activation", "measured", "predicted", "expected"), DEAD)
def test_dead_layers(activation: str, measured: list[float], predicted: list[float], expected: int | None) -> None:
    assert dead_layer(Network(50, 4, 20, 7, activation), measured, predicted) == expected


def test_dead_units_are_named() -> None:
    sentence = judge("he", Network(50, 4, 1, 7), 1.0, [1.0, 0.0, 0.0, 0.0, 0.0], [0.0] * 4 + [1.0], 1, dead=2).sentence
    assert sentence.startswith("he (variance 2/fan_in): the unit of hidden layer 2 is dead, 0 for every sample")
    sentence = judge("he", NETWORK, 1.0, [1.0, 0.0, 0.0, 0.0, 0.0], [0.0] * 4 + [1.0], 20, dead=2).sentence
    assert "all 20 units of hidden layer 2 are dead" in sentence


def test_one_hidden_layer_is_held_against_the_input_and_the_output() -> None:
    verdict = judge("he", Network(50, 1, 20, 7), 4.0, [1.0, 9.0], [16.0, 4.0], 20)
    assert verdict.signal_factor == pytest.approx(0.5)
    assert verdict.gradient_factor == pytest.approx(2.0)
    assert "the signal is 0.5× the input's; the gradient is 2× the output's on its way back" in verdict.sentence


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("random", "random (std 0.01)"),
        ("glorot_uniform", "glorot_uniform (variance 1/fan_avg)"),
        ("zeros", "zeros"),
        ("normal(std=1)", "normal(std=1)"),
    ],
)
def test_descriptions(label: str, expected: str) -> None:
    assert describe(label) == expected


def test_advice_names_the_gain() -> None:
    assert gain_advice(NETWORK).endswith("relu with std = 1.414/sqrt(fan_in)")
