"""What some parameters get instead of the law of all layers: by name, type or predicate, each with its axes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_torch import init_, init_module_


def test_overrides() -> None:
    conv, embedding = nn.Conv2d(4, 4, 3, groups=2), nn.Embedding(5, 3)
    before = embedding.weight.detach().clone()
    net = nn.Sequential(conv, embedding, nn.LayerNorm(3))
    init_module_(net, "he", overrides={"1.*": None, "0.weight": "dirac", "0.*": fanin.constant(7.0)})
    assert torch.equal(embedding.weight, before)
    assert torch.equal(conv.weight, torch.nn.init.dirac_(torch.empty(4, 2, 3, 3), groups=2))
    assert conv.bias is not None
    assert set(conv.bias.tolist()) == {7.0}


class Tied(nn.Module):
    """One parameter under three names, of which the first is the embedding's."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.again = self.head


@pytest.mark.parametrize("name", ["embedding.weight", "head.weight", "again.weight", "a*.weight"])
def test_a_shared_parameter_goes_by_each_of_its_names(name: str) -> None:
    net = init_module_(Tied(), seed=3, overrides={name: fanin.normal(std=0.02)})
    wanted = init_(torch.empty(5, 4), fanin.normal(std=0.02), seed=3, name="again.weight")
    assert torch.equal(net.head.weight, wanted)


def test_a_third_of_the_packed_weight_goes_by_its_name() -> None:
    attention = nn.MultiheadAttention(8, 2)
    before = attention.in_proj_weight.detach().clone()
    overrides = {"*.k": fanin.normal(std=0.1), "in_proj_weight.v": None}
    init_module_(attention, "glorot_uniform", seed=3, overrides=overrides)
    queries = init_(torch.empty(8, 8), "glorot_uniform", seed=3, name="in_proj_weight.q")
    keys = init_(torch.empty(8, 8), fanin.normal(std=0.1), seed=3, name="in_proj_weight.k")
    assert torch.equal(attention.in_proj_weight, torch.cat([queries, keys, before[16:]]))


def test_an_earlier_pattern_counts() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    init_module_(net, overrides={"0.*": "ones", "*.weight": "zeros"})  # the second fits a parameter more
    assert {name: tensor.sum().item() for name, tensor in net.named_parameters()} == {
        "0.weight": 6,
        "0.bias": 2,
        "1.weight": 0,
        "1.bias": 0,
    }


class Conv1D(nn.Module):
    """The dense layer of some libraries, which stores its weight as (in, out)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((inputs, outputs), 9.0))
        self.bias = nn.Parameter(torch.zeros(outputs))


class Experts(nn.Module):
    """A stack of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = Conv1D(6, 4)
        self.up = nn.Parameter(torch.full((3, 5, 2), 9.0))
        self.embedding = nn.Embedding(7, 4)


GLOROT = {"initialization": "glorot_uniform", "layout": "IO"}
STACKED = {"initialization": "he", "layout": "SOI"}


def _wide(name: str, parameter: torch.Tensor) -> bool:
    return name.endswith("weight") and parameter.shape[0] == 7


@pytest.mark.parametrize(
    ("overrides", "name", "law", "layout"),
    [
        ({Conv1D: {"layout": "IO"}, "*": "ones"}, "fc.weight", "he", "IO"),
        (
            {"fc.*t": {"initialization": "glorot_uniform", "layout": "IO"}, "*": "ones"},
            "fc.weight",
            "glorot_uniform",
            "IO",
        ),
        ({Conv1D: {"layout": "OI"}, nn.Embedding: fanin.normal(std=0.5), "*": "ones"}, "fc.weight", "he", "OI"),
        ({_wide: fanin.normal(std=0.5), "*": "ones"}, "embedding.weight", fanin.normal(std=0.5), None),
        ({_wide: {"initialization": "he", "layout": "IO"}, "*": "ones"}, "embedding.weight", "he", "IO"),
    ],
)
def test_by_type_predicate_and_layout(overrides: Any, name: str, law: Any, layout: str | None) -> None:
    net = init_module_(Experts(), "he", seed=2, overrides=overrides)
    shape = net.get_parameter(name).shape
    assert torch.equal(net.get_parameter(name), init_(torch.empty(shape), law, seed=2, name=name, layout=layout))
    assert set(net.up.flatten().tolist()) == {1.0}


def test_a_stack_has_a_stream_per_slice() -> None:
    net = init_module_(Experts(), "he", seed=2, overrides={"up": STACKED, "*weight": "ones", "*": None})
    for k in range(3):
        assert torch.equal(net.up[k], init_(torch.empty(5, 2), "he", seed=2, name=f"up.{k}")), k


def test_a_type_of_layer_means_its_weights() -> None:
    net = init_module_(Experts(), "he", seed=2, bias=fanin.constant(3), overrides={Conv1D: "ones", "[ue]*": "zeros"})
    assert net.fc.weight.sum() == 24
    assert set(net.fc.bias.tolist()) == {3.0}


def test_the_forget_gate_goes_by_its_name() -> None:
    lstm = init_module_(nn.LSTM(3, 2), "orthogonal", overrides={"bias_ih_l0.f": "ones"})
    assert lstm.get_parameter("bias_ih_l0").tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    gates = lstm.get_parameter("weight_hh_l0").detach().view(4, 2, 2)
    torch.testing.assert_close(gates @ gates.mT, torch.eye(2).expand(4, 2, 2))
    assert not torch.equal(gates[0], gates[1])


def test_a_wrapped_name_is_a_name_too() -> None:
    layer = nn.Linear(3, 2)
    init_module_(checkpoint_wrapper(layer), overrides={"_checkpoint_wrapped_module.weight": "ones"})
    assert layer.weight.sum() == 6


@pytest.mark.parametrize("first", ["a", "b"])
def test_which_name_of_a_tied_weight_came_first_does_not_matter(first: str) -> None:
    layers = {name: nn.Linear(4, 4, bias=False) for name in (first, *({"a", "b"} - {first}))}
    layers["b"].weight = layers["a"].weight
    init_module_(nn.ModuleDict(layers), "he", seed=5)
    assert torch.equal(layers["b"].weight, init_(torch.empty(4, 4), "he", seed=5, name="a.weight"))


class Shared(nn.Module):
    """A weight that two layers read differently."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(4, 4, 3, bias=False)
        self.up = nn.ConvTranspose2d(4, 4, 3, bias=False)
        self.up.weight = self.down.weight


@pytest.mark.parametrize(
    ("make", "overrides", "error", "message"),
    [
        (
            Experts,
            {"*": None, 3: "he"},
            FaninTypeError,
            r"a key of overrides .* Received: 3 of type int",
        ),
        (Experts, {nn.Linear(2, 3): "he"}, FaninTypeError, r"two arguments.* Received: Linear\(in_.* of type Linear"),
        (Experts, {lambda name: True: "he"}, FaninTypeError, "a function of two arguments, .* Received: <function"),
        (Experts, {int: "he"}, FaninTypeError, "subclass of torch.nn.Module, .* Received: <class 'int'>"),
        (
            Experts,
            {"*": {"layuot": "OI"}},
            FaninValueError,
            r"overrides\['\*'\]: unknown argument 'layuot'",
        ),
        (Experts, {nn.GRU: "ones", "*": "ones"}, FaninValueError, "no effect: GRU is for no parameter"),
        (
            Experts,
            {"fc.weight": "he", "*": "ones"},
            FaninValueError,
            r"^fc.weight, from .*\(6, 4\) in Conv1D are not",
        ),
        (Experts, {"up": "he", "*": "ones"}, FaninValueError, r'^up, from .*"layout": "SOI"'),
        (
            Experts,
            {nn.Embedding: "he", "*": "ones"},
            FaninValueError,
            r"^embedding.weight, from overrides\[Emb",
        ),
        (Experts, {Conv1D: {"layout": "IOH"}, "*": "ones"}, FaninValueError, "^fc.weight, from .* names 3 axes, but"),
        (
            Shared,
            {},
            FaninValueError,
            r"down.weight is shared .* \(Conv2d, ConvTranspose2d",
        ),
    ],
)
def test_refused(make: type[nn.Module], overrides: Any, error: type[Exception], message: str) -> None:
    net = make()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(error, match=message):
        init_module_(net, "he", overrides=overrides)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_dry_run_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    net = Experts()
    init_module_(net, "he", overrides={Conv1D: {"layout": "IO"}, "up": STACKED, "*": None}, dry_run=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["fc.weight", "6", "x", "4", "float32", "N(0,", "0.57735^2)", "IO"] in lines
    assert lines[-1][-4:] == ["left", "as", "it", "is"]
    assert net.up.sum() == 9 * 30


def test_axes_of_the_whole_make_one_matrix_of_what_a_layer_packs() -> None:
    attention = init_module_(nn.MultiheadAttention(8, 2), overrides={"in_proj_weight": {"layout": "OI"}}, seed=2)
    wanted = init_(torch.empty(24, 8), "he", seed=2, name="in_proj_weight")
    assert torch.equal(attention.in_proj_weight, wanted)
