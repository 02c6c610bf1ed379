"""Tensors that share random numbers, or are one tensor under several names."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from reading import Code, inverted, recorded
from torch import Tensor, nn

from fanin.exceptions import FaninValueError
from fanin.initializers import Normal
from fanin_torch import build, init_module_, record


def test_tied_parameters_are_one() -> None:
    def build() -> nn.Module:
        net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
        net[1].weight = net[0].weight
        return net

    scheme = recorded(build)
    assert list(scheme) == ["0.weight"]
    assert str(scheme).splitlines()[-2:] == ["tied      to", "1.weight  0.weight"]


def test_tensors_that_are_no_longer_tied_are_refused() -> None:
    with record(draw=False) as recording:
        net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
        net[1].weight = net[0].weight
    scheme = recording.scheme(net)
    net[1].weight = nn.Parameter(torch.full((5, 4), 2.0))  # as tensor parallelism does, which replaces each
    with pytest.raises(FaninValueError, match=r"1\.weight is not tied to 0\.weight, as it was when recorded: tie it"):
        init_module_(net, scheme, seed=1)
    assert (net[1].weight == 2).all()


@pytest.mark.parametrize("draw", [True, False])
def test_copies_have_one_stream(draw: bool) -> None:
    def build() -> nn.Module:
        first = nn.Linear(3, 4)
        return nn.Sequential(first, copy.deepcopy(first), nn.Linear(3, 4))

    scheme = recorded(build, draw)
    assert [scheme[f"{k}.weight"].stream for k in range(3)] == [None, "0.weight", None]
    drawn = scheme.draw(seed=1)
    assert np.array_equal(drawn["0.weight"], drawn["1.weight"])
    assert not np.array_equal(drawn["0.weight"], drawn["2.weight"])


class Shared(nn.Module):
    """Tensors that share random numbers in various ways."""

    def __init__(self, make: Callable[[Tensor], Tensor], first: Code = lambda: torch.randn(4, 4)) -> None:
        super().__init__()
        self.first = nn.Parameter(first())
        self.second = nn.Parameter(make(self.first.detach()))


@pytest.mark.parametrize(
    "make",
    [
        lambda first: first.t().contiguous(),
        lambda first: first[:2].clone(),
        lambda first: first.norm(dim=1),
        lambda first: first.chunk(2)[1].clone(),
        lambda first: first.half(),
    ],
    ids=["transposed", "rows", "norms", "a chunk", "half"],
)
@pytest.mark.parametrize("draw", [True, False])
def test_shared_numbers_stay_shared(make: Callable[[Tensor], Tensor], draw: bool) -> None:
    from fanin_torch import init_module_

    with record(draw=draw) as recording:
        model = Shared(make)
    scheme = recording.scheme(model)
    assert scheme["first"].initializer == Normal(0.0, 1.0)
    init_module_(model, scheme, seed=3)
    assert torch.equal(model.second, make(model.first.detach()))


@pytest.mark.parametrize("draw", [True, False])
def test_norms_agree_with_weights_that_are_made_by_inversion(draw: bool) -> None:
    """A truncated normal has other numbers from its stream than erfinv of a uniform: both are replayed."""
    from fanin_torch import init_module_

    with record(draw=draw) as recording:
        model = Shared(lambda first: first.norm(dim=1), lambda: inverted(torch.empty(4, 4), 0.0, 1.0, -2.0, 2.0))
    init_module_(model, recording.scheme(model), seed=3)
    assert torch.equal(model.second, model.first.detach().norm(dim=1))


def test_chunks_of_one_source_are_not_equal() -> None:
    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            q, k = torch.randn(4, 3).chunk(2)
            self.q, self.k = nn.Parameter(q.clone()), nn.Parameter(k.clone())

    from fanin_torch import build

    model = build(Split, seed=1)
    assert not torch.equal(model.q, model.k)


MIRRORED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "negated": lambda x: -x,
    "scaled": lambda x: x * -2.0,
    "one minus it": lambda x: 1.0 - x,
    "negated twice": lambda x: x.neg().mul(-3.0),
    "a mask": lambda x: (x > 0).float(),
}


@pytest.mark.parametrize("name", MIRRORED)
@pytest.mark.parametrize("first", [True, False])
def test_numbers_of_one_source_keep_their_signs(name: str, first: bool) -> None:
    change = MIRRORED[name]

    def both() -> nn.Module:
        x = torch.randn(16)
        y = change(x)
        return nn.ParameterList([x, y] if first else [y, x])

    one, two = (parameter.detach() for parameter in build(both, seed=1).parameters())
    x, y = (one, two) if first else (two, one)
    assert torch.equal(y, change(x))


def test_a_mask_of_what_is_negated() -> None:
    def masked() -> nn.Module:
        x = torch.randn(16)
        return nn.ParameterList([-x, (x > 0).float()])

    weight, mask = (parameter.detach() for parameter in build(masked, seed=1).parameters())
    assert torch.equal(mask, (weight < 0).float())
