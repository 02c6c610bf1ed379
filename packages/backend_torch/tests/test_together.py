"""A scheme draws a module's small tensors together: the bits of each drawn alone, whatever its memory is like."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

import fanin
import fanin_numpy
from fanin.exceptions import FaninValueError
from fanin_torch import init_, init_module_, record
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import dtype_name


class Own(Tensor):
    """A tensor of a class of its own."""


def _subclass() -> Tensor:
    made: Tensor = torch.full((4, 6), 7.0).as_subclass(Own)
    return made


MEMORY: dict[str, Callable[[], Tensor]] = {
    "plain": lambda: torch.full((4, 6), 7.0),
    "transposed": lambda: torch.full((6, 4), 7.0).t(),
    "a column of another": lambda: torch.full((4, 12), 7.0)[:, ::2],
    "behind something": lambda: torch.full((40,), 7.0)[13:37].view(4, 6),
    "channels last": lambda: torch.full((4, 6, 3, 3), 7.0).to(memory_format=torch.channels_last),
    "bfloat16": lambda: torch.full((4, 6), 7.0, dtype=torch.bfloat16),
    "float16": lambda: torch.full((4, 6), 7.0, dtype=torch.float16),
    "float64": lambda: torch.full((4, 6), 7.0, dtype=torch.float64),
    "float8": lambda: torch.full((4, 6), 7.0).to(torch.float8_e4m3fn),
    "large": lambda: torch.full((300, 301), 7.0),
    "subclass": _subclass,
    "meta": lambda: torch.empty(4, 6, device="meta"),
    "scalar": lambda: torch.full((), 7.0),
    "empty": lambda: torch.empty(0, 6),
}
LAWS: dict[str, fanin.Initializer] = {
    "random": fanin.normal(std=0.02),
    "uniform": fanin.uniform(-0.3, 0.1),
    "constant": fanin.constant(0.3),
    "negative zero": fanin.constant(-0.0),
}


def module_of(kinds: list[str]) -> nn.Module:
    module = nn.Module()
    for kind in kinds:
        for law in LAWS:
            module.register_parameter(f"{kind}, {law}", nn.Parameter(MEMORY[kind](), requires_grad=kind != "float8"))
    return module


def scheme_of(module: nn.Module, stream: str | None = None) -> fanin.Scheme:
    return fanin.Scheme(
        {
            name: fanin.Parameter(tuple(one.shape), dtype_name(one.dtype), LAWS[name.partition(", ")[2]], stream=stream)
            for name, one in module.named_parameters()
        }
    )


@contextmanager
def engine(name: Literal["native", "numpy"]) -> Iterator[None]:
    fanin_numpy.set_engine(name)
    yield
    fanin_numpy.set_engine(None)


def alone(name: str, parameter: fanin.Parameter, seed: int) -> Tensor:
    made = torch.empty(parameter.shape, dtype=getattr(torch, parameter.dtype))
    draw_into(parameter.plan(name, seed), made)
    return made


def bits(tensor: Tensor) -> Tensor:
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.detach().contiguous().view(integers[tensor.itemsize])


@pytest.mark.parametrize("name", ["native", "numpy"])
@pytest.mark.parametrize("stream", [None, "another"])
def test_each_kind_of_memory(name: Literal["native", "numpy"], stream: str | None) -> None:
    with engine(name):
        module = module_of(list(MEMORY))
        scheme = scheme_of(module, stream)
        init_module_(module, scheme, seed=3)
    for key, one in module.named_parameters():
        assert torch.equal(bits(one), bits(alone(key, scheme[key], 3))), key


def test_the_neighbours_of_a_part_stay() -> None:
    shared = torch.full((40,), 7.0)
    module = nn.Module()
    module.part = nn.Parameter(shared[13:37].view(4, 6))
    init_module_(module, fanin.Scheme({"part": fanin.Parameter((4, 6), "float32", LAWS["random"])}))
    assert [shared[part].eq(7).sum() for part in (slice(13), slice(13, 37), slice(37, 40))] == [13, 0, 3]


def test_a_dtype_that_the_scheme_does_not_have() -> None:
    """The module's own dtype counts, as it does for tensors that are drawn alone."""
    module = nn.Linear(6, 4)
    scheme = fanin.Scheme(
        {
            "weight": fanin.Parameter((4, 6), "float32", LAWS["random"]),
            "bias": fanin.Parameter((4,), "float32", LAWS["uniform"]),
        }
    )
    init_module_(module.to(torch.bfloat16), scheme, seed=5)
    for key, one in module.named_parameters():
        assert torch.equal(one, alone(key, scheme[key].with_dtype("bfloat16"), 5))


@pytest.mark.parametrize("law", list(LAWS))
def test_autograd_sees_that_a_weight_changed(law: str) -> None:
    """A gradient that was waiting for the old weights is refused, not computed with the new ones."""
    module = nn.Linear(6, 4, bias=False)
    loss = module(torch.ones(2, 6, requires_grad=True)).sum()
    init_module_(module, fanin.Scheme({"weight": fanin.Parameter((4, 6), "float32", LAWS[law])}))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    ("memory", "fault"),
    [
        (torch.full((1, 6), 7.0).expand(4, 6), "a tensor whose elements share memory"),
        (torch._neg_view(torch.full((4, 6), -7.0)), "a view that shows the negative of its memory"),
    ],
)
def test_nothing_is_written_before_all_is_checked(memory: Tensor, fault: str) -> None:
    module = nn.Module()
    module.first = nn.Parameter(torch.full((4, 6), 7.0))
    module.second = nn.Parameter(memory)
    scheme = fanin.Scheme({key: fanin.Parameter((4, 6), "float32", LAWS["random"]) for key in ("first", "second")})
    with pytest.raises(FaninValueError, match=f"second: init_ cannot write {fault}"):
        init_module_(module, scheme)
    assert module.first.eq(7).all()
    assert module.second.eq(7).all()


def test_a_recording_sees_what_a_scheme_writes() -> None:
    """What is drawn by address passes no operation of torch, so a recording must not be left with the law before."""
    scheme = fanin.Scheme(
        {
            "weight": fanin.Parameter((4, 6), "float32", LAWS["random"]),
            "bias": fanin.Parameter((4,), "float32", LAWS["constant"]),
        }
    )
    with record() as recording:
        module = nn.Linear(6, 4)
        init_module_(module, scheme, seed=5)
    found = recording.scheme(module)
    assert torch.equal(module.weight, alone("weight", scheme["weight"], 5))
    assert [found[key].initializer for key in ("weight", "bias")] == [None, None]
    assert "written outside of torch" in str(found["weight"].note)


def test_the_later_of_two_in_the_same_memory_counts() -> None:
    module = nn.Module()
    module.first, module.second = (nn.Parameter(torch.full((4, 6), 7.0)) for _ in range(2))
    module.second.data = module.first.data
    laws = {"first": LAWS["random"], "second": LAWS["constant"]}
    init_module_(module, fanin.Scheme({key: fanin.Parameter((4, 6), "float32", law) for key, law in laws.items()}))
    assert set(module.first.flatten().tolist()) == {torch.tensor(0.3).item()}


@pytest.mark.parametrize("size", [0, 64])
def test_memory_that_was_given_back(size: int) -> None:
    """A storage that is too small is refused by name, and nothing beyond it is written."""
    module = nn.Linear(16, 16)
    module.weight.data.untyped_storage().resize_(size)
    scheme = fanin.Scheme(
        {
            "weight": fanin.Parameter((16, 16), "float32", LAWS["random"]),
            "bias": fanin.Parameter((16,), "float32", LAWS["constant"]),
        }
    )
    before = module.bias.detach().clone()
    with pytest.raises(FaninValueError, match=f"weight: init_ .* was given back.*storage of {size} bytes"):
        init_module_(module, scheme)
    assert torch.equal(module.bias, before)
    with pytest.raises(FaninValueError, match="was given back"):
        init_(module.weight, "he", name="w")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_fills_large_constants() -> None:
    """torch's threads do not survive a fork: a fill that waits for them never ends."""
    torch.zeros(1 << 20).add_(1)  # starts them
    module = nn.Linear(10, 1 << 17, bias=False)
    scheme = fanin.Scheme({"weight": fanin.Parameter((1 << 17, 10), "float32", LAWS["constant"])})
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own would wait for Python, which waits
        signal.alarm(20)
        init_module_(module, scheme)
        os._exit(0 if bool(module.weight.detach().numpy().min() > 0.29) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("view", [lambda base: base[32:48], lambda base: base[8:48:3]])
def test_a_view_beyond_what_is_left_of_its_memory(view: Callable[[Tensor], Tensor]) -> None:
    module = nn.Module()
    module.weight = nn.Parameter(view(torch.zeros(64)))
    count = module.weight.numel()
    last = int(module.weight.storage_offset()) + (count - 1) * module.weight.stride(0)
    scheme = fanin.Scheme({"weight": fanin.Parameter((count,), "float32", LAWS["random"])})
    module.weight.data.untyped_storage().resize_(4 * last)
    with pytest.raises(FaninValueError, match="was given back"):
        init_module_(module, scheme)
    module.weight.data.untyped_storage().resize_(4 * last + 4)
    init_module_(module, scheme)
    assert torch.equal(module.weight, alone("weight", scheme["weight"], 0))
