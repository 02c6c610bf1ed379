"""Whole modules: every parameter as its layer reads it, all of them or none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_torch import init_, init_module_


class Net(nn.Module):
    """Layers of every kind that is known, and an embedding, which is not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.PReLU())
        self.conv = nn.Conv2d(6, 4, (3, 2), groups=2)
        self.up = nn.ConvTranspose2d(4, 6, 4, stride=2, groups=2)
        self.block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=12)
        self.lstm = nn.LSTM(6, 5, num_layers=2, proj_size=3)
        self.cell = nn.GRUCell(4, 3)
        self.head = nn.Linear(8, 2)
        self.norm = nn.GroupNorm(2, 4)
        self.embedding = nn.Embedding(7, 8)
        self.tied = self.head


OVERRIDES: dict[str, Any] = {"*embedding.weight": fanin.normal(std=0.02)}

EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "stem.0.weight": ("he", {}),
    "stem.0.bias": ("zeros", {}),
    "stem.1.weight": ("ones", {}),
    "stem.1.bias": ("zeros", {}),
    "conv.weight": ("he", {"groups": 2}),
    "up.weight": ("he", {"groups": 2, "transposed": True, "stride": 2}),
    "up.bias": ("zeros", {}),
    "block.self_attn.in_proj_bias": ("zeros", {}),
    "block.self_attn.out_proj.weight": ("he", {}),
    "block.linear1.weight": ("he", {}),
    "block.norm1.weight": ("ones", {}),
    "lstm.weight_hr_l0": ("he", {}),
    "lstm.bias_hh_l1": ("zeros", {}),
    "head.weight": ("he", {}),
    "norm.weight": ("ones", {}),
}

GATES = {"lstm.weight_ih_l0": "ifgo", "lstm.weight_hh_l1": "ifgo", "cell.weight_ih": "rzn", "cell.weight_hh": "rzn"}


def test_each_parameter_is_read_as_its_layer_reads_it() -> None:
    net = Net()
    assert init_module_(net, "he", seed=3, overrides=OVERRIDES) is net
    parameters = dict(net.named_parameters())
    for name, (initialization, settings) in EXPECTED.items():
        wanted = init_(torch.empty(parameters[name].shape), initialization, seed=3, name=name, **settings)
        assert torch.equal(parameters[name], wanted), name
    for name, gates in GATES.items():
        shape = (parameters[name].shape[0] // len(gates), *parameters[name].shape[1:])
        wanted = torch.cat([init_(torch.empty(shape), "he", seed=3, name=f"{name}.{gate}") for gate in gates])
        assert torch.equal(parameters[name], wanted), name
    assert set(parameters["stem.2.weight"].tolist()) == {0.25}
    assert abs(parameters["embedding.weight"].std().item() - 0.02) < 0.01


def test_nothing_is_left_to_torch_s_generator() -> None:
    torch.manual_seed(1)
    one = init_module_(Net(), seed=3, overrides=OVERRIDES)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    other = init_module_(Net(), seed=3, overrides=OVERRIDES)
    assert not torch.equal(torch.get_rng_state(), state)
    for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("initialization", ["glorot_uniform", "orthogonal"])
def test_packed_attention_is_three_matrices(initialization: str) -> None:
    """torch takes the packed weight for one matrix, whose Glorot bound is too narrow."""
    attention = init_module_(nn.MultiheadAttention(8, 2), initialization, seed=1)
    assert attention.in_proj_weight.grad_fn is None
    for k, part in enumerate("qkv"):
        wanted = init_(torch.empty(8, 8), initialization, seed=1, name=f"in_proj_weight.{part}")
        torch.testing.assert_close(attention.in_proj_weight[8 * k : 8 * k + 8], wanted, rtol=1e-6, atol=1e-7)


class LayerScale(nn.Module):
    """What a residual branch is multiplied by."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(4))


class MyRMSNorm(nn.Module):
    """A normalization that torch does not know, after an embedding of positions."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.ones(1, 3, 4))
        self.weight = nn.Parameter(torch.ones(4))
        self.shift = nn.Parameter(torch.ones(4))
        self.later = nn.UninitializedParameter()


class Adapted(nn.Linear):
    """A layer with a parameter more, whose start would be a guess: zeros, for low-rank adapters."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.lora_b = nn.Parameter(torch.ones(2, 1))


def sliced() -> nn.Sequential:
    """A layer whose weight is the first rows of another one's, and a third whose weight lies beside them."""
    whole, part, beside = nn.Linear(3, 4), nn.Linear(3, 2), nn.Linear(3, 2)
    part.weight = nn.Parameter(whole.weight.data[:2])
    both = torch.randn(5, 3)
    part.bias, beside.weight = nn.Parameter(both[3, :2]), nn.Parameter(both[:2])
    return nn.Sequential(whole, part, beside)


def uneven() -> nn.Module:
    """A recurrent cell whose packed weight has been given a row more, so that its gates cannot be told apart."""
    cell = nn.GRUCell(3, 2, bias=False)
    cell.weight_hh = nn.Parameter(torch.randn(7, 2))
    return cell


def linear() -> nn.Module:
    return nn.Linear(3, 2)


def lazy() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.LazyLinear(2))


def on_meta() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, device="meta"))


def tables() -> nn.Module:
    module = nn.Linear(3, 2)
    module.register_buffer("positions", torch.arange(3, device="meta"))
    return module


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dense: Callable[..., nn.Module] = torch.ao.nn.quantized.Linear
        return nn.Sequential(dense(3, 2), nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("make", "settings", "error", "message"),
    [
        (Net, {}, FaninValueError, r"embedding\.weight \(7, 8\) of Embedding\. Pass one for each"),
        (Net, {"overrides": {"embeding.weight": "he"}}, FaninValueError, "embedding"),
        (linear, {"overrides": {"weihgt": "he"}}, FaninValueError, "'weihgt' matches no .* Did you mean 'weight'"),
        (
            linear,
            {"overrides": {"*": "zeros", "weight": "he"}},
            FaninValueError,
            r"no effect: 'weight' matches weight, but '\*' matches it earlier. Put 'weight' first",
        ),
        (
            linear,
            {"overrides": [("weight", "he")]},
            FaninTypeError,
            r"must be a mapping .* of type list\. Pass, for example",
        ),
        (linear, {"overrides": {0: "he"}}, FaninTypeError, "a key of overrides must be the name of a parameter"),
        (linear, {"overrides": {"weight": "hee"}}, FaninValueError, r"overrides\['weight'\]: .* mean 'he'"),
        (
            linear,
            {"overrides": {"*": "he"}},
            FaninValueError,
            r"bias, from overrides\['\*'\]: .* excludes the parameter",
        ),
        (
            linear,
            {"bias": "orthogonal"},
            FaninValueError,
            r"bias, from bias: Orth.* of shape \(2,\) in Linear .* Use",
        ),
        (linear, {"initialization": "delta_orthogonal"}, FaninValueError, "^weight, from initialization: delta_"),
        (LayerScale, {}, FaninValueError, r'overrides=\{"gamma": fanin.constant\(1e-5\)\}, or None'),
        (
            MyRMSNorm,
            {},
            FaninValueError,
            r'"positions": fanin.normal\(std=0.02\), "weight": "ones", "shift": "zeros"\}, or',
        ),
        (linear, {"initialization": "hee"}, FaninValueError, "Did you mean 'he'"),
        (linear, {"bias": "he"}, FaninValueError, "bias, from bias: VarianceScaling.* without fans"),
        (linear, {"seed": -1}, FaninValueError, "^seed must"),
        (Adapted, {}, FaninValueError, r"lora_b \(2, 1\) of Adapted"),
        (lazy, {}, FaninValueError, "no shape yet"),
        (on_meta, {"overrides": {"1.*": None}}, FaninValueError, "1.weight is on the meta device, where nothing can"),
        (tables, {}, FaninValueError, r"positions is a buffer on the meta device.*record\(draw=False\)"),
        (linear, {"constants": "kept"}, FaninValueError, "constants must be .* Received: 'kept'"),
        (quantised, {}, FaninValueError, r"0 is quantised \(Linear\)"),
        (linear, {"dry_run": "no"}, FaninTypeError, "dry_run must be True or False. Received: 'no'"),
        (uneven, {}, FaninValueError, r"weight_hh \(7, 2\) of GRUCell"),
        (sliced, {}, FaninValueError, r"0\.weight and 1\.weight are different parameters in the same memory"),
        (lambda: torch.empty(3, 2), {}, FaninTypeError, "a torch.nn.Module. Received: Tensor"),
    ],
)
def test_refused_before_anything_is_written(
    make: Callable[[], Any], settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    module = make()
    before = next(iter(module.parameters())).detach().clone() if isinstance(module, nn.Module) else module
    with pytest.raises(error, match=message):
        init_module_(module, **settings)
    after = next(iter(module.parameters())) if isinstance(module, nn.Module) else module
    assert torch.equal(after, before)


def test_memory_in_common_is_allowed_where_only_one_of_them_is_written() -> None:
    module = init_module_(sliced(), "he", seed=1, overrides={"1.weight": None})
    assert torch.equal(module.get_parameter("1.weight"), module.get_parameter("0.weight")[:2])


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")  # torch's own import
@pytest.mark.parametrize(
    "wrap",
    [
        torch.compile,
        nn.DataParallel,
        lambda net: checkpoint_wrapper(net),
        lambda net: torch.compile(nn.DataParallel(net)),
    ],
    ids=["compiled", "data parallel", "checkpointed", "both"],
)
def test_a_wrapper_changes_no_name(wrap: Callable[[nn.Module], nn.Module]) -> None:
    plain = init_module_(nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3)), seed=1)
    wrapped = init_module_(wrap(nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))), seed=1)
    for one, other in zip(plain.parameters(), wrapped.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_module_that_is_called_module_keeps_its_name() -> None:
    net = init_module_(nn.ModuleDict({"module": nn.Linear(4, 3)}), seed=1)
    weight = net.get_parameter("module.weight")
    assert torch.equal(weight, init_(torch.empty(3, 4), seed=1, name="module.weight"))


class Block(nn.Module):
    """Initializes itself, with or without knowing its place."""

    def __init__(self, **place: str) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.reset(**place)

    def reset(self, **place: str) -> None:
        init_module_(self, "he", seed=1, **place)  # type: ignore[arg-type]


def test_in_a_constructor_a_module_says_its_place() -> None:
    with pytest.raises(FaninTypeError, match=r'constructor of Block.*prefix="blocks\.0"'):
        Block()
    net = init_module_(nn.ModuleDict({"a": nn.ModuleDict({"fc": nn.Linear(4, 3)})}), "he", seed=1)
    assert torch.equal(Block(prefix="a").fc.weight, net.get_parameter("a.fc.weight"))
    assert torch.equal(Block(prefix="").fc.weight, init_(torch.empty(3, 4), seed=1, name="fc.weight"))
    assert not torch.equal(Block(prefix="a").fc.weight, Block(prefix="b").fc.weight)


@pytest.mark.parametrize(
    "function", [init_module_, lambda module: init_module_(module, seed=1)], ids=["itself", "lambda"]
)
def test_apply_is_refused(function: Callable[[nn.Module], Any]) -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    before = [parameter.clone() for parameter in net.parameters()]
    with pytest.raises(FaninTypeError, match="Call it once, for the whole model"):
        net.apply(function)
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))


def test_nor_does_a_part_that_is_made_there_know_its_place() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left = init_module_(nn.Linear(4, 3), "he", seed=1)
            self.right = init_module_(nn.Linear(4, 3), "he", seed=1)

    with pytest.raises(FaninTypeError, match=r"constructor of Pair"):
        Pair()


def test_a_prefix_is_text() -> None:
    with pytest.raises(FaninTypeError, match=r"prefix must be text.*Received: 3"):
        init_module_(nn.Linear(4, 3), prefix=3)  # type: ignore[arg-type]


def test_a_prefix_has_no_dot_behind_it() -> None:
    with pytest.raises(FaninValueError, match=r"without a dot behind it. Received: 'blocks.0.'"):
        init_module_(nn.Linear(4, 3), prefix="blocks.0.")
