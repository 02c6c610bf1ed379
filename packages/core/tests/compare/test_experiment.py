"""What can be compared, and each setting that is refused."""

from __future__ import annotations

import pytest

import fanin
from fanin import FaninError
from fanin.compare.experiment import ACTIVATIONS, Experiment, Network


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"depth": 0}, "depth must be at least 1"),
        ({"width": 0}, "width must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch size must be at least 1"),
        ({"depth": 2.5}, "depth must be a whole number"),
        ({"learning_rate": 0.0}, "learning rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning rate must be a number"),
        ({"learning_rate": float("inf")}, "learning rate must be finite"),
        ({"activation": "rellu"}, "Did you mean 'relu'"),
        ({"activation": "prelu"}, "one that the trainers know"),
        ({"initializations": ()}, "at least one"),
        ({"initializations": ("he", "he")}, "more than once"),
        ({"initializations": ("hee",)}, "unknown initialization"),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (0, 0)}, "more than once"),
        ({"seeds": (-1,)}, "seed"),
        ({"seeds": (2**64,)}, "seed"),
        ({"backends": ()}, "at least one"),
        ({"dtype": "float16"}, "float32 or float64"),
    ],
)
def test_settings_that_are_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(FaninError, match=words):
        Experiment(**setting)  # type: ignore[arg-type]


def test_equal_initializations_are_named() -> None:
    names = ("he_normal", "zeros", "kaiming_normal", "he(0)", "constant(0.0)", "random")
    assert Experiment(initializations=names).equal()[0] == (
        "he_normal, kaiming_normal and he(0) are the same initialization, and give the same numbers"
    )
    assert Experiment().equal() == []


def test_every_activation_is_accepted() -> None:
    assert len(ACTIVATIONS) == 16
    for name in ACTIVATIONS:
        assert Experiment(activation=name).activation == name


def test_the_plans_are_those_of_init_parameters() -> None:
    plans = Network(inputs=7, depth=2, width=5, classes=3).plans(fanin.he_normal())
    assert [plan.shape for plan in plans] == [(5, 7), (5, 5), (3, 5)]
    assert [plan.name for plan in plans] == ["layers.0.weight", "layers.1.weight", "layers.2.weight"]
    assert [plan.geometry.fans().fan_in for plan in plans] == [7, 5, 5]
