"""Recipes: the numbers of the papers; and LSUV's loop on a network of scalars."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import fanin
from fanin import Initializer
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.fans import Fans
from fanin.initializers import Constant, Normal, Uniform
from fanin.recipes import Scaled, ds_init, fixup, gpt2, lsuv, mup, rezero, siren_first, siren_hidden, t5

FANS = Fans(12.0, 20.0)


def std(initializer: Initializer) -> float:
    law = initializer.law(FANS)
    return law.high / math.sqrt(3) if isinstance(law, Uniform) else law.std  # type: ignore[union-attr]


def test_gpt2() -> None:
    recipe = gpt2(12)  # GPT-2 small
    assert recipe["weight"] == recipe["embedding"] == Normal(0.0, 0.02)
    assert recipe["residual"] == Normal(0.0, 0.02 / math.sqrt(24))
    assert recipe["position"] == Normal(0.0, 0.01)
    assert (recipe["bias"], recipe["scale"]) == (Constant(0.0), Constant(1.0))
    assert gpt2(3, std=0.006)["residual"] == Normal(0.0, 0.006 / math.sqrt(6))


def test_t5() -> None:
    recipe = t5(d_model=768, d_kv=64, heads=10, d_ff=3072, factor=0.5)
    expected = {
        "embedding": 0.5,
        "query": 0.5 * (768 * 64) ** -0.5,
        "key": 0.5 * 768**-0.5,
        "value": 0.5 * 768**-0.5,
        "attention_output": 0.5 * 640**-0.5,
        "wi": 0.5 * 768**-0.5,
        "wo": 0.5 * 3072**-0.5,
        "relative_bias": 0.5 * 768**-0.5,
    }
    assert recipe.pop("scale") == Constant(0.5)
    assert {name: std(initializer) for name, initializer in recipe.items()} == pytest.approx(expected, rel=1e-15)


# Table 3 of Yang, Hu et al. 2021, at twice and four times the base width: variance and learning rate against base
@pytest.mark.parametrize("ratio", [2.0, 4.0])
@pytest.mark.parametrize(
    ("role", "optimizer", "variance", "rate"),
    [
        ("input", "adam", lambda r: 1.0, lambda r: 1.0),
        ("hidden", "adam", lambda r: 1.0 / r, lambda r: 1.0 / r),
        ("output", "adam", lambda r: 1.0 / r**2, lambda r: 1.0 / r),
        ("input", "sgd", lambda r: 1.0, lambda r: r),
        ("hidden", "sgd", lambda r: 1.0 / r, lambda r: 1.0),
        ("output", "sgd", lambda r: 1.0 / r**2, lambda r: 1.0 / r),
    ],
)
def test_mup(
    ratio: float, role: str, optimizer: str, variance: Callable[[float], float], rate: Callable[[float], float]
) -> None:
    base = mup(role, 1.0, gain=1.5, optimizer=optimizer)  # type: ignore[arg-type]
    wide = mup(role, ratio, gain=1.5, optimizer=optimizer)  # type: ignore[arg-type]
    grown = Fans(12.0 * (1.0 if role == "input" else ratio), 20.0)
    before, after = base.initializer.law(FANS), wide.initializer.law(grown)
    assert math.isclose(std(base.initializer), 1.5 / math.sqrt(12))
    assert math.isclose(after.std**2 / before.std**2, variance(ratio))  # type: ignore[union-attr]
    assert (base.learning_rate, wide.learning_rate) == (1.0, rate(ratio))


def test_siren() -> None:
    assert siren_first(3) == Uniform(-1 / 3, 1 / 3)
    law = siren_hidden().law(FANS)
    assert isinstance(law, Uniform)
    assert math.isclose(law.high, math.sqrt(6 / 12) / 30)


def test_fixup() -> None:
    assert math.isclose(std(fixup(9)["inner"]), math.sqrt(2 / 12) * 9**-0.5)  # basic blocks, m = 2
    assert math.isclose(std(fixup(16, 3)["inner"]), math.sqrt(2 / 12) * 16**-0.25)  # bottlenecks, m = 3
    assert math.isclose(std(fixup(7, 4, "fan_out")["inner"]), math.sqrt(2 / 20) * 7 ** (-1 / 6), rel_tol=1e-12)
    assert fixup(9)["last"] == fixup(9)["classifier"] == fixup(9)["bias"] == Constant(0.0)
    assert fixup(9)["multiplier"] == Constant(1.0)
    assert fixup(9)["weight"] == fanin.he_normal()


def test_depth_scaled_and_rezero() -> None:
    law = ds_init(5, alpha=0.8).law(FANS)
    assert isinstance(law, Uniform)
    assert math.isclose(law.high, 0.8 * math.sqrt(6 / 32) / math.sqrt(5))
    assert ds_init(1) == fanin.glorot_uniform()
    assert rezero() == fanin.zeros()


class Chain:
    """A network of layers that multiply by a number, after which the variance is the square of their product."""

    def __init__(self, **weights: float) -> None:
        self.weights = weights
        self.scaled: list[str] = []

    def variance(self, name: str) -> float:
        product = 1.0
        for layer, weight in self.weights.items():
            product *= weight
            if layer == name:
                return product**2
        raise KeyError(name)

    def scale(self, name: str, factor: float) -> None:
        self.scaled.append(name)
        self.weights[name] *= factor


def test_lsuv_goes_from_layer_to_layer() -> None:
    chain = Chain(a=3.0, b=1.02, c=0.01)
    done = lsuv(["a", "b", "c"], chain.variance, chain.scale, tolerance=0.05)
    assert chain.scaled == ["a", "c"]  # b stays: with a scaled, its output has variance 1.0404
    assert {name: round(item.factor, 6) for name, item in done.items()} == {
        "a": round(1 / 3, 6),
        "b": 1.0,
        "c": round(1 / 0.0102, 6),
    }
    assert all(abs(item.variance - 1.0) <= 0.05 for item in done.values())


def test_lsuv_target_and_limit() -> None:
    chain = Chain(a=3.0)
    assert lsuv(["a"], chain.variance, chain.scale, target=4.0)["a"].variance == pytest.approx(4.0)
    stubborn = Scaled(1.0, 9.0, 3)
    done = lsuv(["a"], lambda name: 9.0, lambda name, factor: None, max_iterations=3)["a"]
    assert (done.iterations, done.variance) == (stubborn.iterations, stubborn.variance)
    assert math.isclose(done.factor, 1 / 27)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gpt2(0), FaninValueError, "blocks must be at least 1"),
        (lambda: gpt2(2, std=0.0), FaninValueError, "std must be above 0"),
        (lambda: t5(8, 8, 1, True), FaninTypeError, "d_ff must be a whole number"),
        (lambda: mup("hiden", 2.0), FaninValueError, r"role must be one of input.*Did you mean 'hidden'\?"),  # type: ignore[arg-type]
        (lambda: mup("hidden", 2.0, optimizer="lion"), FaninValueError, "optimizer must be one of adam, sgd"),  # type: ignore[arg-type]
        (lambda: mup("hidden", 0.0), FaninValueError, "width_ratio must be above 0"),
        (lambda: mup("hidden", 2.0, gain=0.0), FaninValueError, "gain must be above 0"),
        (lambda: t5(8, 8, 1, 8, factor=-1.0), FaninValueError, "factor must be above 0"),
        (lambda: ds_init(1, alpha=0.0), FaninValueError, "alpha must be above 0"),
        (lambda: siren_first(0), FaninValueError, "fan_in must be at least 1"),
        (lambda: siren_hidden(0.0), FaninValueError, "omega must be above 0"),
        (lambda: fixup(3, 1), FaninValueError, "layers must be at least 2"),
        (lambda: ds_init(0), FaninValueError, "layer must be at least 1"),
        (lambda: lsuv(["a"], lambda name: 0.0, print), FaninValueError, "'a' has variance 0.0, which no factor"),
        (lambda: lsuv(["a"], lambda name: math.nan, print), FaninValueError, "variance of layer 'a' must be a number"),
        (lambda: lsuv(["a"], lambda name: math.inf, print), FaninValueError, "has variance inf"),
        (lambda: lsuv([], lambda name: 1.0, print, target=0.0), FaninValueError, "target must be above 0"),
        (lambda: lsuv([], lambda name: 1.0, print, max_iterations=0), FaninValueError, "max_iterations"),
    ],
)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
