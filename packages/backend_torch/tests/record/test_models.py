"""Whole models, small: their laws are their own numbers', and their bits are the same however they were built.

Each law is compared with what torch itself drew by a two-sample Kolmogorov-Smirnov test of 24,000 numbers against
24,000. It fails for right laws once in 10^9 times, and finds a std that is off by 6 per cent every time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from fanin_torch import build, init_module_
from fanin_torch._record import record

FALSE_ALARM = 1e-9


class Attention(nn.Module):
    """A block as vision transformers have it: a truncated normal, a depth scale, a table of positions, tied weights."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(200, 120, padding_idx=0)
        self.position = nn.Parameter(torch.zeros(1, 9, 120))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.attention = nn.MultiheadAttention(120, 4)
        self.output = nn.Linear(120, 200)
        with torch.no_grad():
            nn.init.trunc_normal_(self.output.weight, std=0.5, a=-0.5, b=1.0).mul_((2.0 * depth) ** -0.5)
        self.register_buffer("angles", 10000.0 ** -(torch.arange(0, 8) / 8.0))
        self.decoder = nn.Linear(120, 200, bias=False)
        self.decoder.weight = self.embedding.weight


def transformer() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(96, 4, 120, batch_first=True), 2)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(3, 32, 5), nn.BatchNorm2d(32), nn.ConvTranspose2d(32, 24, 6, stride=2, groups=2), nn.PReLU()
    ),
    "recurrent": lambda: nn.ModuleList([nn.LSTM(50, 60, proj_size=30), nn.GRU(60, 50)]),
    "attention": lambda: Attention(3),
    "cloned layers": transformer,
    "orthogonal": lambda: nn.utils.parametrizations.orthogonal(nn.Linear(40, 40)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(300, 80)),
    "copies": lambda: nn.ModuleList([one := nn.Linear(90, 90), copy.deepcopy(one)]),
}


NEEDS_NUMBERS = {"orthogonal"}
"""Models that torch cannot build on the meta device: their code reads numbers."""


def contents(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def assert_equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> None:
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert list(one) == list(two)


@pytest.mark.parametrize("name", MODELS)
def test_bits_are_the_same_however_it_was_built(name: str) -> None:
    wanted = contents(build(MODELS[name], seed=5))
    ways = [(True, "cpu"), (True, "cpu"), (False, "cpu"), (False, "meta")]
    for draw, device in ways[: 3 if name in NEEDS_NUMBERS else 4]:
        with record(draw=draw) as recording, torch.device(device):
            model = MODELS[name]()
        assert_equal(contents(init_module_(model, recording.scheme(model), seed=5)), wanted)


@pytest.mark.parametrize("name", MODELS)
def test_another_seed_changes_each_random_tensor(name: str) -> None:
    with record(draw=False) as recording:
        model = MODELS[name]()
    scheme = recording.scheme(model)
    one, two = (contents(init_module_(model, scheme, seed=seed)) for seed in (1, 2))
    for key, parameter in scheme.items():
        random = parameter.parts or (parameter.initializer is not None and parameter.initializer.is_random)
        replayed = (parameter.note or "").startswith("random")
        assert torch.equal(one[key], two[key]) == (not (random or replayed)), key


@pytest.mark.parametrize("name", MODELS)
def test_the_laws_are_the_model_s_own(name: str) -> None:
    torch.manual_seed(7)
    with record() as recording:
        model = MODELS[name]()
    own, scheme = contents(model), recording.scheme(model)
    drawn = contents(init_module_(model, scheme, seed=7))
    for key, parameter in scheme.items():
        random = parameter.initializer is not None and parameter.initializer.is_random
        if random or (parameter.note or "").startswith("random"):
            one, two = (tensors[key].double().flatten() for tensors in (own, drawn))
            assert stats.ks_2samp(one, two).pvalue > FALSE_ALARM, key
        else:
            assert torch.equal(own[key], drawn[key]), key


def test_layers_that_torch_clones_start_equal() -> None:
    """TransformerEncoder copies one layer, so its layers start with equal weights, as torch's own do."""
    model = build(transformer, seed=1)
    weights = [model.get_parameter(f"layers.{k}.linear1.weight") for k in range(2)]
    assert torch.equal(*weights)
