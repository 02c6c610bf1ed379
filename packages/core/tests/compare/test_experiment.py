"""What can be compared: initializations as text, and each setting that is refused."""

from __future__ import annotations

import pytest

import fanin
from fanin import FaninError, FaninValueError, Initializer
from fanin.compare.experiment import ACTIVATIONS, Experiment, Network, parse_initialization


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he", fanin.he_normal()),
        (" zeros ", fanin.zeros()),
        ("normal(std=0.02)", fanin.normal(std=0.02)),
        ("normal(0.5, 0.02)", fanin.normal(0.5, 0.02)),
        ("uniform(-0.05, 0.1)", fanin.uniform(-0.05, 0.1)),
        ("variance_scaling(2.0, fan_out, uniform)", fanin.variance_scaling(2.0, "fan_out", "uniform")),
        ("he_normal(negative_slope=0.2, mode='fan_out')", fanin.he_normal(0.2, "fan_out")),
        ("zeros()", fanin.zeros()),
    ],
)
def test_initializations_as_text(text: str, expected: Initializer) -> None:
    assert parse_initialization(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hee", "Did you mean 'he'"),
        ("constant", "needs settings"),
        ("norml(std=1)", "Did you mean 'normal'"),
        ("normal(std=0)", "must be above 0"),
        ("normal(sd=1)", "does not fit the settings"),
        ("normal(std=1", "a name with its settings"),
        ("normal(std=open('x'))", "a name with its settings"),
        ("fanin.normal(std=1)", "a name with its settings"),
        ("(lambda: 1)()", "a name with its settings"),
        ("get_initializer(he)", "unknown initialization"),
        ("normal(**{})", "does not fit the settings"),
    ],
)
def test_text_that_is_no_initialization(text: str, words: str) -> None:
    with pytest.raises(FaninValueError, match="(?s).*" + words.replace("(", r"\(")):
        parse_initialization(text)


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


def test_every_activation_is_accepted() -> None:
    assert len(ACTIVATIONS) == 16
    for name in ACTIVATIONS:
        assert Experiment(activation=name).activation == name


def test_the_plans_are_those_of_init_parameters() -> None:
    plans = Network(inputs=7, depth=2, width=5, classes=3).plans(fanin.he_normal())
    assert [plan.shape for plan in plans] == [(5, 7), (5, 5), (3, 5)]
    assert [plan.name for plan in plans] == ["layers.0.weight", "layers.1.weight", "layers.2.weight"]
    assert [plan.geometry.fans().fan_in for plan in plans] == [7, 5, 5]
