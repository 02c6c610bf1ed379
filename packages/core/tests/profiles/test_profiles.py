"""Profiles: which law each name has, with numbers worked out by hand from the frameworks' documentation and source."""

from __future__ import annotations

import doctest
import importlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import fanin
from fanin import Initializer, profile
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.fans import Fans
from fanin.initializers import Constant, Normal, TruncatedNormal, Uniform
from fanin.layout import Geometry
from fanin.plans.rules import Diagonal, Haar
from fanin.profiles import PROFILES, FrameworkScaling, profile_names
from fanin.profiles.record import parent_truncated
from fanin.profiles.torch import squared_gain

T = 0.8796256610342398  # the standard deviation of a standard normal truncated at two sigma


def law_of(initializer: Initializer, geometry: Geometry) -> Initializer:
    return initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)


PLAIN: list[tuple[str, dict[str, Any], Initializer]] = [
    ("torch:zeros", {}, Constant(0.0)),
    ("torch:constant", {"val": 0.3}, Constant(0.3)),
    ("torch:uniform", {}, Uniform(0.0, 1.0)),
    ("torch:uniform", {"a": -0.1, "b": 0.3}, Uniform(-0.1, 0.3)),
    ("torch:normal", {"std": 0.02}, Normal(0.0, 0.02)),
    ("torch:normal", {}, Normal(0.0, 1.0)),
    ("torch:trunc_normal", {}, TruncatedNormal(0.0, T, -2.0, 2.0)),
    ("torch:trunc_normal", {"std": 0.02}, TruncatedNormal(0.0, 0.02, -100.0, 100.0)),
    ("torch:trunc_normal", {"std": 2.0, "a": -4.0, "b": 4.0}, TruncatedNormal(0.0, 2 * T, -2.0, 2.0)),
    ("torch:bias_default", {"fan_in": 64}, Uniform(-0.125, 0.125)),
    ("torch:rnn_default", {"hidden_size": 16}, Uniform(-0.25, 0.25)),
    ("torch:embedding_default", {}, Normal(0.0, 1.0)),
    ("jax:uniform", {}, Uniform(0.0, 0.01)),
    ("jax:uniform", {"scale": -0.5}, Uniform(-0.5, 0.0)),
    ("jax:normal", {}, Normal(0.0, 0.01)),
    ("jax:truncated_normal", {"stddev": 0.02}, TruncatedNormal(0.0, 0.02 * T, -2.0, 2.0)),
    ("flax:truncated_normal", {}, TruncatedNormal(0.0, 0.01 * T, -2.0, 2.0)),
    ("keras:constant", {}, Constant(0.0)),
    ("keras:random_normal", {}, Normal(0.0, 0.05)),
    ("keras:random_uniform", {}, Uniform(-0.05, 0.05)),
    ("keras:embedding_default", {}, Uniform(-0.05, 0.05)),
    ("keras:truncated_normal", {"mean": 0.5, "stddev": 0.1}, TruncatedNormal(0.5, 0.1 * T, -2.0, 2.0)),
    ("timm:trunc_normal", {"std": 0.02}, TruncatedNormal(0.0, 0.02, -100.0, 100.0)),
    ("timm:trunc_normal_tf", {"std": 0.02}, TruncatedNormal(0.0, 0.02 * T, -2.0, 2.0)),
    ("timm:trunc_normal_tf", {"mean": 1.0, "std": 2.0}, TruncatedNormal(1.0, 2 * T, -2.0, 2.0)),
]


@pytest.mark.parametrize(("name", "settings", "law"), PLAIN, ids=[f"{case[0]} {case[1]}" for case in PLAIN])
def test_laws_without_fans(name: str, settings: dict[str, Any], law: Initializer) -> None:
    initializer = profile(name, **settings)
    assert initializer == law
    if not settings:
        assert fanin.get_initializer(name) == law


def test_asymmetric_bounds() -> None:
    """torch's trunc_normal_(mean=0.5, std=0.25, a=0, b=2): bounds at -2 and 6 of its sigma, whose std is 0.2367..."""
    law = profile("torch:trunc_normal", mean=0.5, std=0.25, a=0.0, b=2.0)
    assert isinstance(law, TruncatedNormal)
    assert (law.mean, law.lower, law.upper) == (0.5, -2.0, 6.0)
    # 1 - 2 phi(2)/Phi(2) - (phi(2)/Phi(2))^2 is the variance of a normal truncated below at -2
    ratio = math.exp(-2) / math.sqrt(2 * math.pi) / (1 - math.erfc(2 / math.sqrt(2)) / 2)
    assert math.isclose(law.std, 0.25 * math.sqrt(1 - 2 * ratio - ratio * ratio), rel_tol=1e-7)  # upper 6, not inf


@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-1.0, 3.0), (-0.3, 0.4), (0.0, math.inf), (-100.0, 100.0)])
def test_the_parent_s_sigma_survives(bounds: tuple[float, float]) -> None:
    """To one unit in the last place of a double; the plan rounds it to float32, 2^29 times coarser."""
    for k in range(1, 2000):
        sigma = 0.02 * k * 1.0123456789
        parent = parent_truncated(0.0, sigma, *bounds).parent_std
        assert abs(parent - sigma) <= math.ulp(sigma)


DENSE = Geometry.of((24, 40), "OI")
CONV = Geometry.of((24, 10, 3, 5), "OIHW")
GROUPED = Geometry.of((24, 10, 3, 5), "OIHW", 4)  # 40 in-channels, 4 groups
DEPTHWISE = Geometry.of((24, 1, 3, 5), "OIHW", 12)  # 12 in-channels, 2 out of each
TRANSPOSED = Geometry.of((40, 24, 3, 5), "IOHW", 1, True, 2)
TRANSPOSED_GROUPED = Geometry.of((40, 6, 3, 5), "IOHW", 4, True, 2)
ATTENTION = Geometry.of((40, 4, 6), "IOO")
OUTPUT = Geometry.of((4, 6, 40), "IIO")

# fan_in and fan_out by each rule; true: as the specification counts them
FANS: list[tuple[str, Geometry, dict[str, tuple[float, float]]]] = [
    ("dense", DENSE, {"true": (40, 24), "torch": (40, 24), "jax": (40, 24), "keras": (40, 24), "flax": (40, 24)}),
    ("conv", CONV, {"true": (150, 360), "torch": (150, 360), "jax": (150, 360), "keras": (150, 360)}),
    ("grouped", GROUPED, {"true": (150, 90), "torch": (150, 360), "jax": (150, 360), "keras": (150, 360)}),
    (
        "depthwise",
        DEPTHWISE,
        {"true": (15, 30), "torch": (15, 360), "jax": (15, 360), "keras": (15, 360), "depthwise": (180, 30)},
    ),
    (
        "transposed",
        TRANSPOSED,
        {"true": (150, 360), "torch": (360, 600), "jax": (600, 360), "keras": (360, 600), "swapped": (360, 600)},
    ),
    ("transposed, grouped", TRANSPOSED_GROUPED, {"true": (37.5, 90), "torch": (90, 600)}),
    # torch sees (4, 6, 40): 6 * 40 in, 4 * 40 out; JAX and Keras (40, 4, 6): 4 * 40 in, 6 * 40 out
    (
        "attention",
        ATTENTION,
        {"true": (40, 24), "torch": (240, 160), "jax": (160, 240), "keras": (160, 240), "flax": (40, 24)},
    ),
    # torch sees (40, 4, 6): 4 * 6 in, 40 * 6 out; JAX and Keras (4, 6, 40): 6 * 4 in, 40 * 4 out
    (
        "attention output",
        OUTPUT,
        {"true": (24, 40), "torch": (24, 240), "jax": (24, 160), "keras": (24, 160), "flax": (24, 40)},
    ),
]
RULES = {
    "torch": "torch:kaiming_normal",
    "jax": "jax:he_normal",
    "keras": "keras:he_normal",
    "flax": "flax:dense_default",
}


@pytest.mark.parametrize(("what", "geometry", "expected"), FANS, ids=[case[0] for case in FANS])
def test_fans(what: str, geometry: Geometry, expected: dict[str, tuple[float, float]]) -> None:
    for rule, fans in expected.items():
        if rule == "true":
            counted = fanin.he_normal().fans(geometry)
        elif rule == "depthwise":
            counted = profile("keras:he_normal", depthwise=True).fans(geometry)
        elif rule == "swapped":
            counted = profile("flax:conv_default", transpose_kernel=True).fans(geometry)
        else:
            counted = profile(RULES[rule]).fans(geometry)
        assert (counted.fan_in, counted.fan_out) == fans, rule


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((24, 10, 3, 5), "OIHW"), ((3, 5, 10, 24), "HWIO"), ((24, 3, 5, 10), "OHWI"), ((5, 24, 3, 10), "WOHI")],
)
@pytest.mark.parametrize("name", ["torch:kaiming_normal", "jax:he_normal", "keras:he_normal", "flax:conv_default"])
def test_fans_do_not_depend_on_the_stored_order(name: str, shape: tuple[int, ...], layout: str) -> None:
    fans = profile(name).fans(Geometry.of(shape, layout, 4))
    assert (fans.fan_in, fans.fan_out) == (150, 360)


@pytest.mark.parametrize("name", ["torch:kaiming_normal", "jax:he_normal", "keras:he_normal", "flax:dense_default"])
def test_a_stack_counts_for_nothing(name: str) -> None:
    fans = profile(name).fans(Geometry.of((7, 24, 40), "SOI"))
    assert (fans.fan_in, fans.fan_out) == (40, 24)


SCALED: list[tuple[str, dict[str, Any], Geometry, Initializer]] = [
    # name, settings, tensor, law, by the frameworks' formulas
    ("torch:kaiming_uniform", {}, DENSE, Uniform(-math.sqrt(6 / 40), math.sqrt(6 / 40))),
    ("torch:kaiming_uniform", {"a": math.sqrt(5)}, DENSE, Uniform(-1 / math.sqrt(40), 1 / math.sqrt(40))),
    ("torch:linear_default", {}, DENSE, Uniform(-1 / math.sqrt(40), 1 / math.sqrt(40))),
    ("torch:conv_default", {}, GROUPED, Uniform(-1 / math.sqrt(150), 1 / math.sqrt(150))),
    ("torch:conv_default", {}, TRANSPOSED, Uniform(-1 / math.sqrt(360), 1 / math.sqrt(360))),
    ("torch:kaiming_normal", {"mode": "fan_out"}, GROUPED, Normal(0.0, math.sqrt(2 / 360))),
    ("torch:kaiming_normal", {"nonlinearity": "tanh"}, DENSE, Normal(0.0, 5 / 3 / math.sqrt(40))),
    ("torch:kaiming_normal", {"nonlinearity": "selu"}, DENSE, Normal(0.0, 0.75 / math.sqrt(40))),
    ("torch:kaiming_normal", {"a": 0.2}, DENSE, Normal(0.0, math.sqrt(2 / 1.04 / 40))),
    ("torch:kaiming_normal", {"a": 0.2, "nonlinearity": "relu"}, DENSE, Normal(0.0, math.sqrt(2 / 40))),
    ("torch:xavier_normal", {"gain": 3.0}, CONV, Normal(0.0, 3 * math.sqrt(2 / 510))),
    ("torch:xavier_uniform", {}, GROUPED, Uniform(-math.sqrt(6 / 510), math.sqrt(6 / 510))),
    (
        "torch:attention_default",
        {},
        Geometry.of((96, 32), "OI"),
        Uniform(-math.sqrt(6 / 128), math.sqrt(6 / 128)),
    ),
    ("jax:he_normal", {}, TRANSPOSED, TruncatedNormal(0.0, math.sqrt(2 / 600), -2.0, 2.0)),
    ("jax:he_uniform", {}, CONV, Uniform(-math.sqrt(6 / 150), math.sqrt(6 / 150))),
    ("jax:lecun_normal", {}, ATTENTION, TruncatedNormal(0.0, math.sqrt(1 / 160), -2.0, 2.0)),
    ("flax:dense_default", {}, ATTENTION, TruncatedNormal(0.0, math.sqrt(1 / 40), -2.0, 2.0)),
    ("jax:glorot_normal", {}, GROUPED, TruncatedNormal(0.0, math.sqrt(2 / 510), -2.0, 2.0)),
    ("jax:lecun_uniform", {}, DENSE, Uniform(-math.sqrt(3 / 40), math.sqrt(3 / 40))),
    (
        "jax:variance_scaling",
        {"scale": 1.7, "mode": "fan_geo_avg", "distribution": "normal"},
        DENSE,
        Normal(0.0, math.sqrt(1.7 / math.sqrt(960))),
    ),
    (
        "jax:glorot_uniform",
        {"in_axis": 0, "out_axis": (1, 2)},
        ATTENTION,
        Uniform(-math.sqrt(6 / 64), math.sqrt(6 / 64)),
    ),
    ("flax:embed_default", {}, Geometry.of((1000, 16), "IO"), Normal(0.0, 0.25)),
    ("flax:linear_default", {}, DENSE, TruncatedNormal(0.0, math.sqrt(1 / 40), -2.0, 2.0)),
    ("keras:glorot_uniform", {}, TRANSPOSED, Uniform(-math.sqrt(6 / 960), math.sqrt(6 / 960))),
    ("keras:glorot_uniform", {"depthwise": True}, DEPTHWISE, Uniform(-math.sqrt(6 / 210), math.sqrt(6 / 210))),
    ("keras:he_normal", {}, TRANSPOSED, TruncatedNormal(0.0, math.sqrt(2 / 360), -2.0, 2.0)),
    ("keras:he_normal", {}, Geometry.of((32,), "O"), TruncatedNormal(0.0, 0.25, -2.0, 2.0)),
    ("keras:lecun_uniform", {}, DENSE, Uniform(-math.sqrt(3 / 40), math.sqrt(3 / 40))),
    (
        "keras:variance_scaling",
        {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"},
        GROUPED,
        Normal(0.0, math.sqrt(2 / 360)),
    ),
    ("keras:variance_scaling", {"distribution": "normal"}, DENSE, TruncatedNormal(0.0, math.sqrt(1 / 40), -2.0, 2.0)),
    (
        "keras:he_normal",
        {"input_axes": (1,), "output_axes": (0,)},
        CONV,
        TruncatedNormal(0.0, math.sqrt(2 / 10), -2.0, 2.0),
    ),
    ("timm:lecun_normal", {}, GROUPED, TruncatedNormal(0.0, math.sqrt(1 / 150), -2.0, 2.0)),
    ("timm:variance_scaling", {"mode": "fan_avg"}, GROUPED, Normal(0.0, math.sqrt(1 / 255))),
]


@pytest.mark.parametrize(
    ("name", "settings", "geometry", "law"), SCALED, ids=[f"{case[0]} {case[1]}" for case in SCALED]
)
def test_laws_with_fans(name: str, settings: dict[str, Any], geometry: Geometry, law: Initializer) -> None:
    initializer = profile(name, **settings)
    found = law_of(initializer, geometry)
    assert type(found) is type(law)
    for setting, value in vars(law).items():
        assert math.isclose(getattr(found, setting), value, rel_tol=5e-16), setting
    made = fanin.plan(
        geometry.shape,
        initializer,
        layout=geometry.layout,
        groups=geometry.groups,
        transposed=geometry.transposed,
        stride=geometry.stride,
    )
    assert made.rule == fanin.plan(geometry.shape, found).rule  # the plan counts with the profile's fans


def test_axes_count_as_in_jax() -> None:
    kernel = Geometry.of((5, 24, 40), "SOI")
    assert profile("jax:he_normal", in_axis=2, out_axis=1).fans(kernel) == Fans(40.0, 24.0)
    assert profile("jax:he_normal", in_axis=-1, out_axis=-2).fans(kernel) == Fans(40.0, 24.0)
    nobody = Geometry.of((7, 24, 40))
    assert profile("jax:he_normal", in_axis=1, out_axis=2).fans(nobody) == Fans(24.0 * 7, 40.0 * 7)
    assert profile("jax:he_normal", in_axis=1, out_axis=2, batch_axis=0).fans(nobody) == Fans(24.0, 40.0)
    assert profile("jax:he_normal", in_axis=(0, 1)).fans(nobody) == Fans(168.0, 40.0)
    assert profile("jax:variance_scaling", scale=1.0, mode="fan_in", distribution="normal", in_axis=0, out_axis=0).fans(
        Geometry.of((1000, 16))
    ) == Fans(16.0, 16.0)


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_described_and_survives_json(name: str) -> None:
    record = PROFILES[name]
    assert record.name == name
    assert record.formula
    assert "." in record.of
    needs = {"val": 0.5, "value": 0.5, "fan_in": 9, "hidden_size": 9, "scale": 1.0, "mode": "fan_in"}
    needs |= {"distribution": "normal", "sparsity": 0.5}
    known = re.findall(r"(\w+)(?:=|,|$)", record.settings)
    settings = {key: value for key, value in needs.items() if record.needs_settings and key in known}
    initializer = record(**settings)
    assert Initializer.from_dict(json.loads(json.dumps(initializer.to_dict()))) == initializer
    if record.needs_settings:
        with pytest.raises(FaninValueError, match=r"has the settings .* Received: none, but missing"):
            fanin.get_initializer(name)
    else:
        assert fanin.get_initializer(name) == initializer


def test_data_of_a_profile_can_be_read_before_profiles_are_loaded() -> None:
    data = profile("jax:he_normal", in_axis=0, out_axis=(1, 2)).to_dict()
    code = f"import fanin; print(fanin.Initializer.from_dict({data!r}))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "FrameworkScaling(scale=2.0, mode='fan_in', distribution='truncated_normal', fan_rule='jax', in_axis=(0,), "
        "out_axis=(1, 2))"
    )


def test_importing_the_core_leaves_profiles_for_later() -> None:
    code = "import sys, fanin; print([name for name in sys.modules if name.startswith('fanin.profiles')])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names() -> None:
    frameworks = {name.partition(":")[0] for name in profile_names()}
    assert frameworks == {"torch", "jax", "flax", "keras", "timm"}
    assert profile("jax:xavier_uniform") == profile("jax:glorot_uniform") == profile("flax:glorot_uniform")
    assert profile("torch:kaiming_normal") != fanin.he_normal()  # equal settings, and other fans


def test_torch_s_gains() -> None:
    assert {name: squared_gain(name) for name in ("linear", "conv_transpose2d", "sigmoid", "relu")} == {
        "linear": 1.0,
        "conv_transpose2d": 1.0,
        "sigmoid": 1.0,
        "relu": 2.0,
    }
    assert math.isclose(squared_gain("leaky_relu"), 2 / 1.0001)
    assert math.isclose(squared_gain("tanh"), (5 / 3) ** 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: profile("torch:kaiming"),
            FaninValueError,
            r"Did you mean 'torch:kaiming_\w+'\?.*torch:ones",
        ),
        (lambda: profile("tf:he"), FaninValueError, r"unknown profile 'tf:he'\. Did you mean 'keras:he_normal'\?"),
        (lambda: profile("mlx:he"), FaninValueError, r"unknown profile 'mlx:he'\. Accepted: flax:\.\.\., jax:\.\.\."),
        (lambda: fanin.get_initializer("keras:he"), FaninValueError, r"unknown profile 'keras:he'"),
        (lambda: fanin.init((2, 2), "torch:nope", layout="OI"), FaninValueError, r"unknown profile"),
        (lambda: profile(3), FaninTypeError, r"must be a string\. Received: 3 of type int"),  # type: ignore[arg-type]
        (lambda: profile("torch:constant"), FaninValueError, r"settings \(val\)\. Received: none, but missing"),
        (lambda: profile("torch:kaiming_normal", slope=1), FaninValueError, r"settings \(a=0\.0.*slope=1"),
        (lambda: profile("torch:kaiming_normal", nonlinearity="gelu"), FaninValueError, r"activation=\.\.\."),
        (
            lambda: profile("torch:kaiming_normal", nonlinearity=[1]),
            FaninTypeError,
            r"\[1\]}\. Accepted: numbers and strings",
        ),
        (lambda: profile("torch:kaiming_normal", mode="fan_avg"), FaninValueError, r"fan_in or fan_out"),
        (lambda: profile("torch:kaiming_normal", a="x"), FaninTypeError, r"a must be a real number"),
        (lambda: profile("torch:xavier_normal", gain=0.0), FaninValueError, r"scale must be above 0"),
        (lambda: profile("torch:trunc_normal", a=5.0, b=9.0), FaninValueError, r"keeps too little"),
        (lambda: profile("torch:trunc_normal", std=-1.0), FaninValueError, r"std must be above 0"),
        (lambda: profile("torch:bias_default", fan_in=0), FaninValueError, r"fan_in must be above 0"),
        (
            lambda: profile("torch:kaiming_normal").fans(Geometry.of((5,), "O")),
            FaninValueError,
            r"torch counts fans only for tensors with at least two axes\. Received: shape \(5,\)",
        ),
        (lambda: profile("jax:he_normal").fans(Geometry.of((5, 3))), FaninValueError, r"State the layout"),
        (lambda: profile("jax:he_normal", in_axis=4).fans(DENSE), FaninValueError, r"in \[-2, 2\).*Received: 4"),
        (lambda: profile("jax:he_normal", in_axis="0"), FaninTypeError, r"in_axis must be an axis or a tuple of axes"),
        (lambda: profile("jax:he_normal", in_axis=(0.5,)), FaninTypeError, r"each axis of in_axis"),
        (
            lambda: profile("jax:variance_scaling", scale=1.0, mode="fan_geo", distribution="normal"),
            FaninValueError,
            r"mode must be one of .*fan_geo_avg\. Received: 'fan_geo'",
        ),
        (lambda: profile("keras:he_normal", input_axes=(0,)), FaninValueError, r"Keras ignores input_axes"),
        (lambda: profile("keras:variance_scaling", mode="fan_geo"), FaninValueError, r"mode must be one of"),
        (lambda: profile("keras:variance_scaling", distribution="cauchy"), FaninValueError, r"distribution must be"),
        (lambda: profile("keras:he_normal", depthwise=True).fans(CONV), FaninValueError, r"one in-channel per group"),
        (lambda: FrameworkScaling(1.0, "fan_in", "normal", "numpy"), FaninValueError, r"fan_rule must be one of"),  # type: ignore[arg-type]
        (
            lambda: fanin.plan((40, 24, 3, 5), "torch:orthogonal", layout="IOHW", transposed=True),
            FaninValueError,
            r"takes the out-channels of a transposed kernel",
        ),
        (
            lambda: fanin.plan((3, 4, 10, 24), "jax:delta_orthogonal", layout="HWIO"),
            FaninValueError,
            r"the centre of an even kernel is index k // 2 - 1 in JAX",
        ),
        (
            lambda: fanin.plan((24, 10, 3), profile("torch:dirac", groups=7), layout="OIW"),
            FaninValueError,
            r"groups must divide the 24 out-channels",
        ),
        (lambda: profile("torch:dirac", groups=0), FaninValueError, r"groups must be at least 1"),
        (
            lambda: FrameworkScaling(1.0, "fan_in", "normal", "jax", in_axis=(0,)),
            FaninValueError,
            r"in_axis and out_axis must be given together",
        ),
    ],
    ids=lambda x: x[:30] if isinstance(x, str) else "",
)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_matrices_of_the_whole_kernel() -> None:
    def rule(name: str, geometry: Geometry, **settings: Any) -> object:
        return fanin.plan(
            geometry.shape, profile(name, **settings), layout=geometry.layout, groups=geometry.groups
        ).rule

    assert rule("torch:orthogonal", GROUPED, gain=3.0) == Haar(3.0, 1, 24, 150)
    assert rule("jax:orthogonal", GROUPED, scale=3.0) == Haar(3.0, 1, 24, 150)
    assert rule("keras:orthogonal", GROUPED) == Haar(1.0, 1, 24, 150)
    assert rule("keras:recurrent_default", Geometry.of((16, 64), "IO")) == Haar(1.0, 1, 64, 16)
    assert rule("jax:delta_orthogonal", GROUPED) == Haar(1.0, 1, 24, 10, 15, 7)
    assert rule("torch:dirac", GROUPED) == Diagonal(1.0, 24, 10, 15, 7)
    assert rule("torch:dirac", CONV, groups=3) == Diagonal(1.0, 8, 10, 15, 7)
    assert rule("torch:eye", DENSE) == Diagonal(1.0, 24, 40, 1, 0)
    assert rule("keras:identity", DENSE, gain=0.5) == Diagonal(0.5, 24, 40, 1, 0)
    assert profile("torch:sparse", sparsity=0.25) == fanin.sparse(0.25)


@pytest.mark.parametrize("name", ["fanin.profiles", "fanin.profiles.scaling"])
def test_examples_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted
    assert not results.failed
