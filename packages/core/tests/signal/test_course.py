"""What is said of numbers from layer to layer, at the bounds."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import pytest

from fanin.signal import Layer, Sum
from fanin.signal.course import course_of

FITTING: Final = math.sqrt(2 / 64)
"""The standard deviation that relu needs at a fan-in of 64."""


def layers(
    count: int, *, std: float = 1.0, gradient: float = 1.0, width: dict[int, float] | None = None, uses: bool = False
) -> list[Layer]:
    """Return layers whose std and gradient change by a factor each, of widths that fit, and a head."""
    return [
        Layer(
            "cell" + f" (use {k + 1})" * (k > 0) if uses and k < count else f"layers.{k}",
            "Linear",
            std=std**k,
            rms=std**k,
            gradient=gradient**-k,
            activation="relu" if k < count else None,
            weight_std=FITTING * (width or {}).get(k, 1.0),
            weight_rms=FITTING,
            weight_gradient=1.0,
            weight_fan_in=64.0,
        )
        for k in range(count + 1)
    ]


@pytest.mark.parametrize(
    ("count", "each", "normalised", "found"),
    [
        (13, 1.28, False, None),  # 19 times in all
        (16, 1.28, False, "warning"),  # 40
        (39, 1.24, False, None),  # 3,500, by less than 1.25 a layer
        (44, 1.24, False, "error"),  # 10,400
        (44, 1 / 1.24, False, "error"),
        (39, 1.28, False, "error"),
        (39, 1.28, True, None),
    ],
)
def test_the_signal(count: int, each: float, normalised: bool, found: str | None) -> None:
    result = course_of(layers(count, std=each), [], normalised)
    assert (None if result is None else (result.kind, result.severity)) == (found and ("signal", found))


@pytest.mark.parametrize(
    ("count", "each", "normalised", "found"),
    [
        (16, 1.28, False, "warning"),
        (44, 1.24, False, "error"),
        (16, 1.28, True, None),  # 40 times: its stages may do that
        (39, 1.28, True, "error"),  # 11,900
        (76, 1.24, True, None),  # 1.0e7, by less than 1.25 a layer
        (88, 1.24, True, "error"),  # 1.3e8
    ],
)
def test_the_gradient(count: int, each: float, normalised: bool, found: str | None) -> None:
    result = course_of(layers(count, gradient=each), [], normalised)
    assert (None if result is None else (result.kind, result.severity)) == (found and ("gradient", found))


@pytest.mark.parametrize(
    ("each", "weight", "cause"),
    [
        (0.5, 0.5, "The initialization makes the weights 0.50 times as wide as relu needs."),
        (0.5, 0.0, "Its weights are zeros or constants"),
        (1.0, 0.5, "Its weights are zeros or constants, or what it is given is the same for every sample."),
        (1.4, 0.5, "Its weights are zeros or constants, or what it is given is the same for every sample."),
    ],
)
def test_a_signal_that_fades_before_it_is_lost_has_its_cause_before(each: float, weight: float, cause: str) -> None:
    given = layers(20, std=each, width=dict.fromkeys(range(21), 0.5))
    given[14:] = [dataclasses.replace(layer, std=0.0, weight_std=weight * FITTING) for layer in given[14:]]
    found = course_of(given, [], normalised=False)
    assert found is not None
    assert found.cause.startswith(cause)
    assert ("from layers.14 on nothing is left of it" in found.text) == (each < 1 and weight > 0)


@pytest.mark.parametrize("sums", [[], [Sum("cell", 1.0, 1.0)] * 20])
def test_a_gradient_over_the_uses_of_one_layer_is_none_of_layers(sums: list[Sum]) -> None:
    assert course_of(layers(40, gradient=1.4, uses=True), sums, normalised=False) is None
    assert course_of(layers(40, gradient=1.4), sums, normalised=False) is not None


@pytest.mark.parametrize(
    ("place", "width", "size", "normalised", "blamed"),
    [
        (0, 31.0, 31.0, False, True),
        (0, 31.0, 29.0, False, False),  # its inputs are small
        (0, 29.0, 31.0, False, False),
        (0, 31.0, 31.0, True, False),  # what follows is normalised
        (0, 1 / 31, 1 / 31, False, True),
        (5, 31.0, 31.0, False, True),
        (5, 31.0, 31.0, True, True),  # the last layer
        (5, 1 / 31, 1 / 31, False, False),  # which may start small
    ],
)
def test_the_scale_of_one_layer(place: int, width: float, size: float, normalised: bool, blamed: bool) -> None:
    given = layers(5, width={place: width})
    given[place:] = [dataclasses.replace(layer, std=size) for layer in given[place:]]  # it stays as it is from there
    result = course_of(given, [], normalised)
    assert (None if result is None else result.layer) == (f"layers.{place}" if blamed else None)


@pytest.mark.parametrize(
    ("count", "each", "is_plain", "found"),
    [
        (60, 1.21, True, "depth"),  # 7.7e4 times
        (60, 1.21, False, None),
        (46, 1.21, True, None),  # 5,300
        (50, 1.21, True, "depth"),  # 1.1e4
        (60, 1 / 1.21, True, None),  # towards the outputs
    ],
)
def test_gradients_that_grow_through_normalised_layers_which_nothing_skips(
    count: int, each: float, is_plain: bool, found: str | None
) -> None:
    result = course_of(layers(count, gradient=each), [], normalised=True, is_plain=is_plain)
    assert (None if result is None else result.kind) == found


@pytest.mark.parametrize(
    ("names", "std", "found"),
    [
        (["layers.1", "layers.2"], 1e-3, False),
        (["layers.1"], 1e-3, True),  # which is another one's branch
        (["layers.1", "layers.2"], 1e3, True),
    ],
)
def test_a_small_layer_in_a_branch_is_meant(names: list[str], std: float, found: bool) -> None:
    given = layers(5, width={2: std})
    given[2] = dataclasses.replace(given[2], std=std)
    sums = [Sum("model", 1.0, std, names), Sum("model", 1.0, 1.0, ["layers.4"])]
    assert (course_of(given, sums, normalised=False) is not None) == found


def test_gradients_of_one_kind_of_layer_are_compared() -> None:
    """The first layers of branches whose last ones are small have small gradients, of one size."""
    parts = [
        dataclasses.replace(layers(1)[0], name=f"blocks.{k}.{part}", gradient=(1e-5 if part == 0 else 1.0))
        for k in range(12)
        for part in (0, 2)
    ]
    sums = [Sum("model", 1.0, 1.0)] * 12
    assert course_of(parts, sums, normalised=False) is None
    growing = [dataclasses.replace(one, gradient=(one.gradient or 0) * 1.5**k) for k, one in enumerate(parts)]
    found = course_of(growing, sums, normalised=False)
    assert found is not None
    assert "shrinks 2.25× a block" in found.text
