"""What code does to a tensor, and the law that it is read as: a table, whether numbers are drawn or not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from reading import Code, close, inverted, one, recorded
from torch import Tensor, nn

import fanin
from fanin.initializers import Constant, Initializer, Normal, Orthogonal, Sparse, TruncatedNormal, Uniform


def empty(*shape: int) -> Tensor:
    return torch.empty(shape)


def tail(low: float, high: float, mean: float, std: float) -> Initializer:
    return fanin.profile("torch:trunc_normal", mean=mean, std=std, a=low, b=high)


LAWS: dict[str, tuple[Code, Initializer]] = {
    "a normal": (lambda: empty(3, 5).normal_(1.0, 0.25), Normal(1.0, 0.25)),
    "a normal, its settings by name": (lambda: empty(3, 5).normal_(std=0.25), Normal(0.0, 0.25)),
    "a uniform": (lambda: empty(3, 5).uniform_(-0.5, 0.75), Uniform(-0.5, 0.75)),
    "randn, scaled": (lambda: torch.randn(3, 5) * 0.5, Normal(0.0, 0.5)),
    "scaled from the left": (lambda: 0.5 * torch.randn(3, 5), Normal(0.0, 0.5)),
    "scaled by a tensor": (lambda: torch.randn(3, 5) * torch.tensor(0.5), Normal(0.0, 0.5)),
    "a tensor, scaled": (lambda: torch.tensor(0.5) * torch.randn(3, 5), Normal(0.0, 0.5)),
    "rand, moved": (lambda: torch.rand(3, 5).mul(2.0).sub_(1.0), Uniform(-1.0, 1.0)),
    "rand, from 1": (lambda: 1.0 - torch.rand(3, 5) / 4.0, Uniform(0.75, 1.0)),
    "a step times alpha": (lambda: torch.rand(3, 5).add_(1.0, alpha=3.0), Uniform(3.0, 4.0)),
    "negated": (lambda: -empty(3, 5).normal_(1.0, 0.25), Normal(-1.0, 0.25)),
    "torch.normal": (lambda: torch.normal(1.0, 0.25, (3, 5)), Normal(1.0, 0.25)),
    "a power of depth": (lambda: empty(3, 5).normal_(0, 0.02).mul_(1 / math.sqrt(16)), Normal(0.0, 0.005)),
    "no width": (lambda: empty(3, 5).normal_(2.0, 0.0), Constant(2.0)),
    "times zero": (lambda: torch.randn(3, 5) * 0.0, Constant(0.0)),
    "a view of it all": (lambda: torch.randn(15).view(3, 5), Normal(0.0, 1.0)),
    "transposed": (lambda: torch.randn(5, 3).t(), Normal(0.0, 1.0)),
    "twice drawn": (lambda: empty(3, 5).uniform_().normal_(0.0, 0.5), Normal(0.0, 0.5)),
    "copied from itself": (lambda: (w := torch.randn(3, 5)).copy_(w * 2.0), Normal(0.0, 2.0)),
    "half": (lambda: torch.randn(3, 5).to(torch.float16), Normal(0.0, 1.0)),
    "ones": (lambda: torch.ones(3, 5), Constant(1.0)),
    "full": (lambda: torch.full((3, 5), 0.25), Constant(0.25)),
    "expanded": (lambda: torch.full((1,), 0.25).expand(3, 5).clone(), Constant(0.25)),
    "one number from outside": (lambda: torch.tensor([[0.25, 0.25], [0.25, 0.25]]), Constant(0.25)),
    "NumPy's zeros": (lambda: torch.from_numpy(np.zeros((3, 5), np.float32)), Constant(0.0)),
    "trunc_normal_": (lambda: nn.init.trunc_normal_(empty(3, 5), 0.5, 0.25, 0.25, 1.0), tail(0.25, 1.0, 0.5, 0.25)),
    "trunc_normal_ that cuts nothing": (lambda: nn.init.trunc_normal_(empty(3, 5), std=0.02), Normal(0.0, 0.02)),
    "erfinv": (lambda: inverted(empty(3, 5), 0.0, 1.0, -2.0, 2.0), tail(-2.0, 2.0, 0.0, 1.0)),
    "erfinv that cuts nothing": (lambda: inverted(empty(3, 5), 0.0, 0.02, -2.0, 2.0), Normal(0.0, 0.02)),
    "a clamp that cuts nothing": (lambda: torch.rand(3, 5).clamp_(-0.5, 1.5), Uniform(0.0, 1.0)),
    "orthogonal_": (lambda: nn.init.orthogonal_(empty(4, 5), 2.0), fanin.profile("torch:orthogonal", gain=2.0)),
    "sparse_": (lambda: nn.init.sparse_(empty(4, 5), 0.5, 0.1), Sparse(0.5, 0.1)),
    "eye_": (lambda: nn.init.eye_(empty(4, 5)), fanin.identity()),
    "dirac_": (lambda: nn.init.dirac_(empty(4, 5, 3)), fanin.dirac()),
    "dirac_, groups": (lambda: nn.init.dirac_(empty(4, 5, 3), groups=2), fanin.profile("torch:dirac", groups=2)),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("how", ["drawing", "without drawing", "on meta"])
def test_a_law_is_read(name: str, how: str) -> None:
    code, law = LAWS[name]
    found = one(code, how == "drawing", "meta" if how == "on meta" else "cpu")
    close(found.initializer, law)
    assert found.parts == ()


NO_LAWS: dict[str, tuple[Code, str]] = {
    "a clamp that cuts": (lambda: torch.randn(3, 5).clamp_(-1.0, 1.0), "random, replayed by torch's arithmetic: randn"),
    "a clamp by a tensor": (lambda: torch.rand(3, 5).clamp_(min=torch.rand(3, 5)), "random, replayed"),
    "a square": (lambda: torch.randn(3, 5) ** 2, "random, replayed by torch's arithmetic: randn, pow"),
    "floor division": (lambda: torch.div(torch.rand(3, 5), 0.25, rounding_mode="floor"), "random, replayed"),
    "whole numbers of a law": (lambda: torch.rand(3, 5).mul_(9).int().float(), "random, replayed"),
    "two sources": (
        lambda: torch.randn(3, 5) + torch.randn(3, 5),
        "random, replayed by torch's arithmetic: randn, add",
    ),
    "a mean per element": (lambda: torch.normal(torch.arange(4.0), 1.0), "random, replayed"),
    "no law of fanin's": (lambda: torch.empty(3, 5).bernoulli_(0.5), "random, replayed by torch's arithmetic: bern"),
    "a shuffle": (lambda: torch.randperm(7).float(), "random, replayed by torch's arithmetic: randperm"),
    "a part of the numbers": (lambda: torch.randn(6, 5)[:3].clone(), "random, replayed by torch's arithmetic: randn"),
    "a diagonal": (lambda: torch.randn(5, 5).fill_diagonal_(0.0), "random, replayed"),
    "a table": (lambda: torch.arange(15.0).view(3, 5), "computed: arange"),
    "numbers from outside": (lambda: torch.tensor([0.5, 0.25]), "computed: numbers from outside of torch"),
    "NumPy's": (
        lambda: torch.from_numpy(np.random.default_rng(0).normal(size=5)).mul_(2.0),
        "computed: mul_, from numbers from outside of torch",
    ),
}


@pytest.mark.parametrize("name", NO_LAWS)
@pytest.mark.parametrize("draw", [True, False])
def test_what_is_no_law_says_what_computes_it(name: str, draw: bool) -> None:
    code, note = NO_LAWS[name]
    found = one(code, draw)
    assert found.initializer is None
    assert not found.follows_laws
    assert found.note is not None
    assert found.note.startswith(note)


def rejecting(decide: Callable[[Tensor], bool]) -> Code:
    def code() -> Tensor:
        weight = torch.randn(3, 5)
        while decide(weight):
            weight = torch.where(weight.abs() > 1.0, torch.randn(3, 5), weight)
        return weight * 1.0

    return code


DECISIONS: dict[str, Code] = {
    "a loop over rejected numbers": rejecting(lambda weight: bool((weight.abs() > 1.0).any())),
    "scaled by its own number": lambda: (w := torch.randn(3, 5)).mul_(1.0 / w.abs().max().item()),
    "scaled by what is computed from its number": lambda: (w := torch.randn(3, 5)) * (0.1 / w.norm().item()),
    "scaled by a whole random number": lambda: torch.randn(3, 5) * int(torch.randint(2, 9, ())),
    "a constant of a random number": lambda: torch.full((3, 5), torch.rand(()).item()),
    "drawn until it suits": lambda: w if (w := torch.randn(3, 5)).sum() > 1e9 else w.normal_(0.0, w.std().item()),
}


@pytest.mark.parametrize("name", DECISIONS)
@pytest.mark.parametrize("draw", [True, False])
def test_code_that_decides_by_its_numbers_is_named(name: str, draw: bool) -> None:
    """Without drawing, the loop ends all the same: it sees numbers of the recording's own."""
    found = one(DECISIONS[name], draw)
    assert found.initializer is None
    assert found.note == "unknown: the code read its numbers and decided by them"


@pytest.mark.parametrize("draw", [True, False])
def test_code_that_checks_its_numbers_is_replayed(draw: bool) -> None:
    """It may have decided by them: what it did is known, and that it is a law is not."""

    def code() -> Tensor:
        weight = torch.randn(3, 5)
        if torch.isnan(weight).any():
            weight.zero_()
        return weight * 2.0

    found = one(code, draw)
    assert found.note == "random, replayed by torch's arithmetic: randn, mul, by code that read its numbers"


def test_a_look_at_numbers_that_changes_nothing_is_allowed() -> None:
    def code() -> Tensor:
        weight = torch.empty(3, 5).normal_()
        assert not torch.isnan(weight).any()
        return weight

    close(one(code, draw=True).initializer, Normal(0.0, 1.0))


def test_layouts_of_layers() -> None:
    scheme = recorded(lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=2, groups=2))
    assert (scheme["weight"].layout, scheme["weight"].groups, scheme["weight"].stride) == ("IOHW", 2, (2, 2))
    recurrent = recorded(lambda: nn.LSTM(3, 4, proj_size=2))
    assert [recurrent[name].layout for name in ("weight_ih_l0", "weight_hr_l0", "bias_hh_l0")] == ["OI", "OI", "O"]
    attention = recorded(lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, vdim=3))
    assert [attention[name].layout for name in ("v_proj_weight", "in_proj_bias", "bias_k")] == ["OI", "O", None]


def test_a_default_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert recorded(lambda: nn.Linear(3, 4))["weight"].dtype == "float64"
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_module_cast_afterwards(dtype: torch.dtype) -> None:
    found = recorded(lambda: nn.Linear(3, 4).to(dtype))["weight"]
    close(found.initializer, Uniform(-1 / math.sqrt(3), 1 / math.sqrt(3)))
    assert found.dtype == str(dtype).removeprefix("torch.")


def test_integers_and_truth_values_say_what_they_are() -> None:
    assert recorded(lambda: nn.BatchNorm1d(3))["num_batches_tracked"].initializer == Constant(0.0)
    assert one(lambda: torch.ones(3, dtype=torch.bool)).initializer == Constant(1.0)
    assert one(lambda: torch.full((3,), 2.5).int()).note == "computed: full"


def test_matrix_laws_have_the_layout_that_torch_reads() -> None:
    found = one(lambda: nn.init.orthogonal_(empty(4, 2, 3)))
    assert isinstance(found.initializer, Orthogonal)
    assert found.layout == "OIW"


def test_truncation_keeps_its_bounds_when_it_is_turned() -> None:
    found = one(lambda: -nn.init.trunc_normal_(empty(3, 5), 0.0, 1.0, -1.0, 3.0))
    assert isinstance(found.initializer, TruncatedNormal)
    assert found.initializer.upper == pytest.approx(1.0, rel=1e-6)
