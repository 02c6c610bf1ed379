"""The initializers: which law each one means."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable

import pytest

import fanin
from fanin import Initializer
from fanin.exceptions import FaninValueError
from fanin.fans import Fans
from fanin.initializers import Constant, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.initializers.names import get_initializer, initializer_names

FANS = Fans(12.0, 20.0)  # fan_avg is 16, fan_geo sqrt(240)


def u(bound: float) -> Uniform:
    return Uniform(-bound, bound)


def t(std: float) -> TruncatedNormal:
    return TruncatedNormal(0.0, std, -2.0, 2.0)


LAWS: list[tuple[Initializer, Initializer]] = [
    # The formulas in the order of operations that the specification fixes: the last bit counts.
    (fanin.zeros(), Constant(0.0)),
    (fanin.ones(), Constant(1.0)),
    (fanin.constant(0.25), Constant(0.25)),
    (fanin.random(), Normal(0.0, 0.01)),
    (fanin.normal(), Normal(0.0, 0.01)),
    (fanin.normal(mean=1.5, std=0.2), Normal(1.5, 0.2)),
    (fanin.uniform(-0.1, 0.3), Uniform(-0.1, 0.3)),
    (fanin.truncated_normal(), TruncatedNormal(0.0, 0.01, -2.0, 2.0)),
    (fanin.truncated_normal(mean=0.5, std=0.2, lower=-1.0, upper=3.0), TruncatedNormal(0.5, 0.2, -1.0, 3.0)),
    (fanin.he_normal(), Normal(0.0, math.sqrt(2.0 / 12.0))),
    (fanin.he_normal(0.2), Normal(0.0, math.sqrt((2.0 / (1.0 + 0.2 * 0.2)) / 12.0))),
    (fanin.he_normal(mode="fan_out"), Normal(0.0, math.sqrt(2.0 / 20.0))),
    (fanin.he_uniform(), u(math.sqrt(3.0 * (2.0 / 12.0)))),
    (fanin.he_uniform(0.1, "fan_out"), u(math.sqrt(3.0 * ((2.0 / (1.0 + 0.1 * 0.1)) / 20.0)))),
    (fanin.he_truncated_normal(), t(math.sqrt(2.0 / 12.0))),
    (fanin.he_truncated_normal(0.1, "fan_geo"), t(math.sqrt((2.0 / (1.0 + 0.1 * 0.1)) / math.sqrt(240.0)))),
    (fanin.glorot_normal(), Normal(0.0, math.sqrt(1.0 / 16.0))),
    (fanin.glorot_uniform(), u(math.sqrt(3.0 * (1.0 / 16.0)))),
    (fanin.glorot_truncated_normal(), t(0.25)),
    (fanin.lecun_normal(), Normal(0.0, math.sqrt(1.0 / 12.0))),
    (fanin.lecun_uniform(), u(math.sqrt(3.0 * (1.0 / 12.0)))),
    (fanin.lecun_truncated_normal(), t(math.sqrt(1.0 / 12.0))),
    (fanin.variance_scaling(1.7, "fan_in", "uniform"), u(math.sqrt(3.0 * (1.7 / 12.0)))),
    (fanin.variance_scaling(1.7, "fan_out", "normal"), Normal(0.0, math.sqrt(1.7 / 20.0))),
    (fanin.variance_scaling(1.7, "fan_avg", "truncated_normal"), t(math.sqrt(1.7 / 16.0))),
    (fanin.variance_scaling(1.7, "fan_geo", "normal"), Normal(0.0, math.sqrt(1.7 / math.sqrt(240.0)))),
]


@pytest.mark.parametrize(("initializer", "law"), LAWS, ids=str)
def test_law(initializer: Initializer, law: Initializer) -> None:
    assert initializer.law(FANS) == law
    assert law.law(None) is law


@pytest.mark.parametrize(
    ("initializer", "published"),
    [
        (fanin.he_normal(), 2 / 12),  # He et al. 2015, equation 10
        (fanin.he_normal(mode="fan_out"), 2 / 20),  # equation 14
        (fanin.he_uniform(0.25), 2 / (1 + 0.25**2) / 12),  # equation 15
        (fanin.he_truncated_normal(), 2 / 12),
        (fanin.glorot_normal(), 2 / 32),  # Glorot and Bengio 2010, equation 12
        (fanin.glorot_uniform(), (math.sqrt(6) / math.sqrt(32)) ** 2 / 3),  # equation 16
        (fanin.lecun_truncated_normal(), 1 / 12),  # LeCun et al. 1998, equation 16
    ],
    ids=str,
)
def test_variance_is_the_published_one(initializer: Initializer, published: float) -> None:
    law = initializer.law(FANS)
    variance = law.high**2 / 3 if isinstance(law, Uniform) else law.std**2  # type: ignore[union-attr]
    assert math.isclose(variance, published, rel_tol=1e-15)


@pytest.mark.parametrize(
    ("lower", "upper", "ratio"),
    [(-2.0, 2.0, 0.8796256610342398), (-1.0, 3.0, 0.784946963404426), (0.0, math.inf, 0.602810274989087)],
)
def test_a_truncated_normal_s_parent_is_wider(lower: float, upper: float, ratio: float) -> None:
    assert fanin.truncated_normal(mean=0.3, std=0.02, lower=lower, upper=upper).parent_std == 0.02 / ratio


@pytest.mark.parametrize("name", initializer_names())
def test_every_name_is_its_function_without_settings(name: str) -> None:
    function: Callable[[], Initializer] = getattr(fanin, {"he": "he_normal", "kaiming": "he_normal"}.get(name, name))
    assert get_initializer(name) == function()


def test_names() -> None:
    assert {"zeros", "random", "he"} <= set(initializer_names())
    for family in ("he", "kaiming", "glorot", "xavier", "lecun"):
        for law in ("normal", "uniform", "truncated_normal"):
            assert f"{family}_{law}" in initializer_names()


@pytest.mark.parametrize(("one", "other"), [("kaiming", "he"), ("xavier", "glorot")])
@pytest.mark.parametrize("law", ["normal", "uniform", "truncated_normal"])
def test_surnames_and_first_names_agree(one: str, other: str, law: str) -> None:
    assert get_initializer(f"{one}_{law}") == get_initializer(f"{other}_{law}")


def test_an_initializer_stands_for_itself() -> None:
    initializer = fanin.normal(std=0.5)
    assert get_initializer(initializer) is initializer


@pytest.mark.parametrize("initializer", [pair[0] for pair in LAWS], ids=str)
def test_serialisation_round_trip(initializer: Initializer) -> None:
    data = initializer.to_dict()
    assert data["initializer"] == initializer.kind
    assert Initializer.from_dict(json.loads(json.dumps(data))) == initializer
    assert data == initializer.to_dict()  # reading does not consume


@pytest.mark.parametrize("initializer", [pair[0] for pair in LAWS], ids=str)
def test_frozen_and_hashable(initializer: Initializer) -> None:
    same = Initializer.from_dict(initializer.to_dict())
    assert hash(same) == hash(initializer)
    field = dataclasses.fields(initializer)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(initializer, field, 1.0)


def test_equality_is_of_kind_and_settings() -> None:
    values = [
        Constant(0.0),
        Constant(0.5),
        Normal(0.0, 0.5),
        Normal(0.5, 0.5),
        Uniform(0.0, 0.5),
        TruncatedNormal(0.0, 0.5),
        TruncatedNormal(0.0, 0.5, -2.0, 2.5),
        VarianceScaling(0.5, "fan_in", "normal"),
        VarianceScaling(0.5, "fan_in", "uniform"),
        VarianceScaling(0.5, "fan_out", "normal"),
    ]
    assert len(set(values)) == len(values)
    assert Normal(0, 1) == Normal(0.0, 1.0)  # settings are doubles, whatever was passed
    assert isinstance(Normal(0, 1).std, float)


def test_a_constant_has_one_zero() -> None:
    """0.0 and -0.0 are equal, so a cache could take one for the other; their bits differ."""
    assert math.copysign(1.0, Constant(-0.0).value) == 1.0
    assert math.copysign(1.0, Constant(-1e-300).value) == -1.0


@pytest.mark.parametrize(
    ("mode", "fans", "missing"),
    [
        ("fan_in", Fans(0.0, 20.0), True),
        ("fan_out", Fans(0.0, 20.0), False),
        ("fan_avg", Fans(0.0, 20.0), False),
        ("fan_geo", Fans(0.0, 20.0), True),
        ("fan_out", Fans(12.0, 0.0), True),
        ("fan_in", None, True),
    ],
)
def test_a_fan_of_zero_has_no_variance(mode: fanin.initializers.Mode, fans: Fans | None, missing: bool) -> None:
    initializer = VarianceScaling(1.0, mode, "normal")
    if missing:
        with pytest.raises(FaninValueError, match=rf"the variance is 1.0/{mode}, but {mode} is 0"):
            initializer.law(fans)
    else:
        assert isinstance(initializer.law(fans), Normal)
