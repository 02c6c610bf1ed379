"""Packed parameters: regions with laws of their own, and padding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from reading import Code, one, recorded
from torch import Tensor, nn
from torch.nn import functional

from fanin.initializers import Constant, Initializer, Normal, Uniform


def packed(fill: Callable[[Tensor], object]) -> Code:
    def code() -> Tensor:
        weight = torch.empty(6, 4)
        fill(weight)
        return weight

    return code


def chunks(weight: Tensor) -> None:
    for k, piece in enumerate(weight.chunk(3)):
        piece.normal_(0.0, k + 1.0)


Region = tuple[tuple[int, int], ...]
PARTS: dict[str, tuple[Code, Initializer | None, list[tuple[Region, Initializer]]]] = {
    "chunks": (packed(chunks), None, [(((2 * k, 2 * k + 2), (0, 4)), Normal(0.0, k + 1.0)) for k in range(3)]),
    "columns": (
        packed(lambda w: (w[:, :1].zero_(), w[:, 1:].uniform_(-1.0, 1.0))),
        None,
        [(((0, 6), (0, 1)), Constant(0.0)), (((0, 6), (1, 4)), Uniform(-1.0, 1.0))],
    ),
    "a row of zeros": (
        packed(lambda w: (w.normal_(), w[2].fill_(0.0))),
        Normal(0.0, 1.0),
        [(((2, 3), (0, 4)), Constant(0.0))],
    ),
    "a row of zeros, then scaled": (
        packed(lambda w: (w.normal_(), w[2].fill_(1.0), w.mul_(0.5))),
        Normal(0.0, 0.5),
        [(((2, 3), (0, 4)), Constant(0.5))],
    ),
    "select": (
        packed(lambda w: (w.zero_(), w.select(1, 3).normal_())),
        Constant(0.0),
        [(((0, 6), (3, 4)), Normal(0.0, 1.0))],
    ),
    "a part twice": (
        packed(lambda w: (w.zero_(), w[:2].normal_(), w[:2].mul_(3.0))),
        Constant(0.0),
        [(((0, 2), (0, 4)), Normal(0.0, 3.0))],
    ),
    "cat": (
        lambda: torch.cat([torch.zeros(2, 4), torch.randn(3, 4)]),
        None,
        [(((0, 2), (0, 4)), Constant(0.0)), (((2, 5), (0, 4)), Normal(0.0, 1.0))],
    ),
    "cat of columns": (
        lambda: torch.cat([torch.zeros(2, 1), torch.randn(2, 3)], dim=-1),
        None,
        [(((0, 2), (0, 1)), Constant(0.0)), (((0, 2), (1, 4)), Normal(0.0, 1.0))],
    ),
    "stack": (
        lambda: torch.stack([torch.rand(2, 4), torch.ones(2, 4)], 1),
        None,
        [(((0, 2), (0, 1), (0, 4)), Uniform(0.0, 1.0)), (((0, 2), (1, 2), (0, 4)), Constant(1.0))],
    ),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("draw", [True, False])
def test_packed_parameters_are_parts(name: str, draw: bool) -> None:
    code, base, parts = PARTS[name]
    found = one(code, draw)
    assert found.follows_laws
    assert found.initializer == base
    assert [(part.region, part.parameter.initializer) for part in found.parts] == parts
    streams = [part.parameter.stream for part in found.parts if not isinstance(part.parameter.initializer, Constant)]
    assert len(set(streams)) == len(streams)


def test_parts_that_were_scaled_in_place_have_no_numbers_of_the_whole() -> None:
    """A part of the whole's numbers is no law: its stream would begin again where the whole's does."""
    found = one(packed(lambda w: (w.normal_(), w[3:].mul_(2.0))))
    assert found.initializer is None
    assert "normal_, mul_" in str(found.note)


def test_a_part_that_was_partly_overwritten_is_no_law() -> None:
    found = one(packed(lambda w: (w.zero_(), w[:3].normal_(), w[2:4].fill_(1.0), w[:3].mul_(2.0))))
    assert found.initializer is None
    assert found.parts == ()


def test_columns_of_one_matrix_do_not_overlap() -> None:
    found = one(packed(lambda w: (w[:, :2].normal_(), w[:, 2:].uniform_(), w[:, :2].mul_(2.0))))
    assert [part.parameter.initializer for part in found.parts] == [Uniform(0.0, 1.0), Normal(0.0, 2.0)]


@pytest.mark.parametrize(
    ("code", "law"),
    [
        (lambda: functional.pad(torch.randn(3, 4), (0, 0)), Normal(0.0, 1.0)),
        (lambda: functional.pad(torch.zeros(3), (0, 2)), Constant(0.0)),
        (lambda: functional.pad(torch.full((3, 4), 2.0), (1, 0, 0, 2), value=2.0), Constant(2.0)),
        (lambda: functional.pad(torch.zeros(5), (0, -2)), Constant(0.0)),
        (lambda: functional.pad(torch.ones(3), (0, 2)), None),
        (lambda: functional.pad(torch.zeros(3), (0, 2), value=-0.0), None),
        (lambda: functional.pad(torch.randn(3), (0, 2)), None),
        (lambda: functional.pad(torch.randn(3), (0, -1)), None),
    ],
)
def test_padding_that_changes_no_law(code: Callable[[], Tensor], law: Initializer | None) -> None:
    """`transformers` pads the bias of an output layer to its vocabulary, mostly by nothing."""
    assert one(code).initializer == law


def test_an_embedding_s_padding_row() -> None:
    found = recorded(lambda: nn.Embedding(7, 3, padding_idx=-2))["weight"]
    assert found.initializer == Normal(0.0, 1.0)
    assert [part.region for part in found.parts] == [((5, 6), (0, 3))]
