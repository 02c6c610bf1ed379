"""What is studied: initializations by name, and the plans of a network."""

from __future__ import annotations

import fanin
from fanin.gains.activations import activation_names
from fanin.lab.network import Network, Study


def test_equal_initializations_are_named() -> None:
    names = ("he_normal", "zeros", "kaiming_normal", "he(0)", "constant(0.0)", "random")
    assert Study(initializations=names).equal()[0] == (
        "he_normal, kaiming_normal and he(0) are the same initialization, and give the same numbers"
    )
    assert Study().equal() == []


def test_every_activation_is_one_that_can_be_studied() -> None:
    assert len(activation_names()) == 18
    for name in activation_names():
        assert Study(activation=name).activation == name


def test_the_plans_are_those_of_init_parameters() -> None:
    plans = Network(inputs=7, depth=2, width=5, classes=3).plans(fanin.he_normal())
    assert [plan.shape for plan in plans] == [(5, 7), (5, 5), (3, 5)]
    assert [plan.name for plan in plans] == ["layers.0.weight", "layers.1.weight", "layers.2.weight"]
    assert [plan.geometry.fans().fan_in for plan in plans] == [7, 5, 5]


def test_an_alias_of_an_activation_is_its_name() -> None:
    assert Study(activation="swish") == Study(activation="silu")
