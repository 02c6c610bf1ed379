"""What a torch user meets: in-place initialisation of parameters, its refusals, torch.compile and fake tensors."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parameter import UninitializedParameter, is_lazy

import fanin
import fanin_torch
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.naming import OMITTED
from fanin_torch import TorchBackend, init_

LAYERS: dict[str, tuple[nn.Module, dict[str, Any], str]] = {
    "linear": (nn.Linear(6, 10), {}, "OI"),
    "conv1d": (nn.Conv1d(6, 10, 3), {}, "OIW"),
    "conv2d": (nn.Conv2d(6, 10, (3, 2)), {}, "OIHW"),
    "conv3d": (nn.Conv3d(2, 3, (3, 2, 1)), {}, "OIDHW"),
    "grouped": (nn.Conv2d(6, 10, 3, groups=2), {"groups": 2}, "OIHW"),
    "transposed": (
        nn.ConvTranspose2d(6, 10, 4, stride=2, groups=2),
        {"groups": 2, "transposed": True, "stride": 2},
        "IOHW",
    ),
}


@pytest.mark.parametrize(("module", "options", "layout"), LAYERS.values(), ids=LAYERS)
def test_layouts_of_torchs_layers(module: nn.Module, options: dict[str, Any], layout: str) -> None:
    weight = module.weight
    assert isinstance(weight, nn.Parameter)
    init_(weight, "he", seed=3, name="w", **options)
    expected = fanin.init(tuple(weight.shape), "he", layout=layout, seed=3, name="w", backend="numpy", **options)
    assert weight.requires_grad
    assert weight.detach().numpy().tobytes() == expected.tobytes()
    assert torch.equal(fanin_torch.init(weight.shape, "he", seed=3, name="w", **options), weight)


def test_channels_last_holds_the_same_weights() -> None:
    weight = torch.empty(10, 6, 3, 3).to(memory_format=torch.channels_last)
    assert torch.equal(init_(weight, name="w"), fanin_torch.init((10, 6, 3, 3), name="w"))


def test_autograd_notices_the_change() -> None:
    weight = nn.Parameter(torch.ones(3, 4))
    loss = (weight * weight).sum()
    init_(weight, "he", name="w")
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, weight)


@pytest.mark.parametrize("shape", [(), (3, 4), (0, 4)])
def test_version_counter_of_every_shape(shape: tuple[int, ...]) -> None:
    tensor = torch.empty(shape)
    before = tensor._version
    init_(tensor, "random", name="w")
    assert tensor._version == before + 1


def nested(layout: torch.layout) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls the strided ones a prototype
        made: torch.Tensor = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(1, 3)], layout=layout)
    return made


REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "list": ([[0.0]], {}, FaninTypeError, "Received: list"),
    "integers": (torch.zeros(3, 4, dtype=torch.int32), {}, FaninValueError, "torch.int32"),
    "complex": (torch.zeros(3, 4, dtype=torch.complex64), {}, FaninValueError, "torch.complex64"),
    "sparse": (torch.eye(3).to_sparse(), {}, FaninValueError, "sparse_coo"),
    "meta": (torch.zeros(3, 4, device="meta"), {}, FaninValueError, "to_empty"),
    "negative view": (
        torch.zeros(3, 4, dtype=torch.cfloat).conj().imag,
        {},
        FaninValueError,
        "Write the underlying tensor",
    ),
    "jagged": (nested(torch.jagged), {}, FaninValueError, "nested tensor, .*unbind"),
    "nested": (nested(torch.strided), {}, FaninValueError, "nested tensor, .*unbind"),
    "lazy": (UninitializedParameter(), {}, FaninValueError, "no shape yet"),
    "expanded": (torch.zeros(4).expand(3, 4), {}, FaninValueError, "share memory"),
    "bias without a fan": (torch.zeros(4), {}, FaninValueError, "fan-in"),
    "seed": (torch.zeros(3, 4), {"seed": 2**64}, FaninValueError, "seed"),
    "seed's type": (torch.zeros(3, 4), {"seed": "0"}, FaninTypeError, "seed"),
    "initialization": (torch.zeros(3, 4), {"initialization": "hee"}, FaninValueError, "Did you mean"),
    "its initialization": (torch.zeros(3, 4), {"initialization": "hee", "name": OMITTED}, FaninValueError, "Did"),
    "no name": (
        torch.zeros(3, 4),
        {"name": OMITTED},
        FaninTypeError,
        r'init_\(parameter, "he", name="0.weight"\)',
    ),
    "no name, by a value": (
        torch.zeros(3, 4),
        {"initialization": fanin.sparse(0.4), "name": OMITTED},
        FaninTypeError,
        r"init_\(parameter, Sparse\(sparsity=0.4, std=0.01\), name=",
    ),
}


@pytest.mark.parametrize(("tensor", "options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_leave_the_tensor_alone(
    tensor: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        init_(tensor, **{"name": None, **options})
    if isinstance(tensor, torch.Tensor) and not (is_lazy(tensor) or tensor.is_meta or tensor.is_sparse):
        assert not (torch.cat(tensor.unbind()) if tensor.is_nested else tensor).any()


@pytest.mark.parametrize("device", ["meta", "cuda", "nowhere", 3.5])
def test_devices_that_cannot_hold_it(device: Any) -> None:
    with pytest.raises(FaninValueError, match=r"device|meta"):
        fanin.init((3, 4), "zeros", backend="torch", device=device)


def test_no_global_state_is_touched() -> None:
    before = torch.random.get_rng_state()
    default = torch.get_default_dtype()
    fanin.init((30, 40), "he", layout="OI", backend="torch")
    init_(torch.empty(30, 40), "he", name="w")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_default_dtype() is default


def test_there_is_no_memory_for_it() -> None:
    with pytest.raises(MemoryError, match=r"float32 tensor of shape \(281474976710656,\), which needs 1048576\.0 GiB"):
        fanin.init((1 << 48,), "zeros", backend="torch")


def test_default_device_is_respected() -> None:
    with torch.device("meta"), pytest.raises(FaninValueError, match="meta"):
        fanin.init((3, 4), "zeros", backend="torch")


def test_a_name_is_asked_for_where_weights_are_random() -> None:
    with pytest.raises(FaninTypeError, match="two tensors without a name get the same numbers"):
        init_(torch.empty(6, 5))
    assert torch.equal(init_(torch.empty(6, 5), name=None), fanin_torch.init((6, 5)))
    for law in ("zeros", "ones", fanin.constant(0.5), "identity", "torch:eye"):
        assert torch.equal(init_(torch.empty(6, 5), law), fanin_torch.init((6, 5), law, name="w"))
    assert torch.equal(init_(torch.empty(6, 5, 3), "dirac"), fanin_torch.init((6, 5, 3), "dirac", name="w"))


@pytest.mark.filterwarnings("default")
def test_names_inside_a_compiled_function() -> None:
    def drawn(law: str, **arguments: Any) -> torch.Tensor:
        return init_(torch.empty(6, 5), law, **arguments)

    compiled = torch.compile(drawn, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled("identity"), torch.eye(6, 5))
    assert torch.equal(compiled("torch:ones"), torch.ones(6, 5))
    assert torch.equal(compiled("he", name=None), fanin_torch.init((6, 5), "he"))
    with pytest.raises(Exception, match="two tensors without a name get the same numbers"):  # the compiler wraps it
        compiled("he")


def drawn_in_a_function() -> torch.Tensor:
    return init_(torch.empty(16, 8), "he", seed=3, name="w")


class Layer(nn.Module):
    """Draws in its constructor and in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(16, 8))
        init_(self.weight, "he", name="weight")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ (self.weight + drawn_in_a_function()).T


@pytest.mark.filterwarnings("default")  # the compiler's own imports warn, differently from release to release
def test_compiled_draws_have_the_same_bits() -> None:
    compiled: torch.Tensor = torch.compile(drawn_in_a_function, fullgraph=True, backend="aot_eager")()
    assert torch.equal(compiled, drawn_in_a_function())
    layer, x = Layer(), torch.eye(8)
    assert torch.equal(torch.compile(layer, fullgraph=True, backend="aot_eager")(x), layer(x))


@pytest.mark.filterwarnings("default")
def test_new_tensors_inside_a_compiled_function() -> None:
    """In one graph: a break would hide that a draw cannot be traced."""
    plan = fanin.plan((7, 5), fanin.sparse(0.4), layout="OI", name="mask", dtype="bfloat16")

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        part = fanin_torch.init((16, 8), "he_uniform", name="w", dtype=torch.float64, slices=(slice(2, 5), None))
        return part * 0.3, TorchBackend().draw(plan)

    for compiled, eager in zip(torch.compile(drawn, fullgraph=True, backend="aot_eager")(), drawn(), strict=True):
        assert torch.equal(compiled, eager)
        assert compiled.dtype == eager.dtype


@pytest.mark.filterwarnings("default")  # torch's own decompositions call what torch has deprecated
def test_new_tensors_inside_the_transforms_of_torch_func() -> None:
    weight = fanin_torch.init((3, 4), "he", name="w")

    def product(x: torch.Tensor) -> torch.Tensor:
        return (x * fanin_torch.init((3, 4), "he", name="w")).sum()

    x = torch.ones(2, 3, 4)
    assert torch.equal(torch.func.grad(product)(x[0]), weight)
    assert torch.equal(torch.func.vmap(torch.func.grad(product))(x), weight.expand(2, 3, 4))
    assert torch.equal(torch.func.jvp(product, (x[0],), (x[0],))[1], product(x[0]))
    with pytest.raises(FaninValueError, match=r"inside a torch\.func transform"):
        torch.func.vmap(init_)(x)


def test_new_fake_tensors() -> None:
    with FakeTensorMode():
        drawn = fanin_torch.init((3, 4), "he", name="w", dtype="bfloat16")
    assert (tuple(drawn.shape), drawn.dtype) == ((3, 4), torch.bfloat16)


def drawn_through_the_core() -> torch.Tensor:
    drawn: torch.Tensor = fanin.init((16, 8), "he", layout="OI", seed=3, name="w", backend="torch")
    return drawn


@pytest.mark.filterwarnings("default")
def test_the_core_inside_a_compiled_function() -> None:
    assert torch.equal(torch.compile(drawn_through_the_core, backend="aot_eager")(), drawn_in_a_function())


def test_fake_tensors_are_left_to_the_mode() -> None:
    with FakeTensorMode():
        tensor = torch.empty(16, 8)
        assert init_(tensor, "he", name="w") is tensor
        with pytest.raises(FaninTypeError, match="name="):
            init_(tensor, "he")


def test_public_names() -> None:
    functions = ["build", "draw_into", "get_device_engine", "init", "init_", "init_module_", "probe", "record"]
    assert fanin_torch.__all__ == ["TorchBackend", "__version__", *functions, "set_device_engine"]
    assert isinstance(fanin.backend("torch"), TorchBackend)
