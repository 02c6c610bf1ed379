"""`build`: what it calls, where the module then lives, and parameters that are no real numbers or have no shape yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import fanin
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin_torch import build, init_module_, record

NONE = f"cuda:{torch.cuda.device_count()}"
"""A device that is not here."""


class Waves(nn.Module):
    """Complex weights, numbers that follow no law, and a table."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.waves = nn.Parameter(torch.randn(4, dtype=torch.complex64) * 2)
        self.offset = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
        self.positive = nn.Parameter(torch.randn(5).abs())
        self.register_buffer("table", torch.arange(4) ** 2)


def test_complex_parameters_are_computed_again() -> None:
    with record(draw=False) as recording:
        model = Waves()
    scheme = recording.scheme(model)
    assert scheme["waves"].note == "random, replayed by torch's arithmetic: randn, mul"
    built = [build(Waves, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(built[0].waves, built[1].waves)
    assert not torch.equal(built[0].waves, built[2].waves)
    assert built[0].waves.imag.abs().min() > 0
    assert built[0].offset.tolist() == [0, 0]


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_caller_whose_default_device_has_no_memory_gets_the_same_module(device: str | None) -> None:
    with torch.device("meta"):
        built = build(Waves, seed=3, device=device)
    wanted = build(Waves, seed=3)
    assert all(tensor.device.type == "cpu" for tensor in built.state_dict().values())
    assert all(torch.equal(tensor, wanted.state_dict()[name]) for name, tensor in built.state_dict().items())


def test_a_lazy_layer_that_has_seen_its_input_is_built() -> None:
    def called() -> nn.Module:
        layer = nn.LazyLinear(3)
        layer(torch.zeros(1, 4))
        return layer

    assert torch.equal(build(called, seed=2).weight, build(nn.Linear, 4, 3, seed=2).weight)  # type: ignore[arg-type]


def with_buffer(make: Callable[[], torch.Tensor]) -> Callable[[], nn.Module]:
    def function() -> nn.Module:
        module = nn.Linear(1, 1)
        module.register_buffer("made", make())
        return module

    return function


def in_a_thread() -> nn.Module:
    net = nn.Sequential(nn.BatchNorm1d(2))
    thread = threading.Thread(target=lambda: net.append(nn.Linear(2, 2)))
    thread.start()
    thread.join()
    return net


def test_expanded_buffers_are_computed() -> None:
    """Their elements lie in the same memory, and are written once."""
    found = build(with_buffer(lambda: torch.ones(3, 3).tril().expand(2, 3, 3))).get_buffer("made")
    assert found.stride() == (0, 3, 1)
    assert torch.equal(found, torch.ones(3, 3).tril().expand(2, 3, 3))


def test_running_statistics_of_a_model_that_has_called_itself() -> None:
    def called() -> nn.Module:
        net = nn.ModuleList([nn.BatchNorm1d(2), nn.InstanceNorm1d(2, track_running_stats=True)])
        net[0](torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
        net[1](torch.arange(8.0).reshape(2, 2, 2))
        return net

    built, own = build(called), called()
    assert all(torch.equal(tensor, built.get_buffer(name)) for name, tensor in own.named_buffers())


def test_generators_of_the_function_s_own() -> None:
    def function() -> torch.Tensor:
        return torch.randint(9, (4,), generator=torch.Generator().manual_seed(1))

    assert build(with_buffer(function), seed=2).get_buffer("made").dtype == torch.int64


@pytest.mark.parametrize("seed", [1, 2])
def test_a_scheme_from_a_file_does_not_leave_what_only_a_recording_can_compute(seed: int) -> None:
    with record(draw=False) as recording:
        model = Waves()
    scheme = fanin.Scheme.from_json(recording.scheme(model).to_json())
    module = Waves()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(FaninValueError, match="waves follows no law, and only the recording could compute it again"):
        init_module_(module, scheme, seed=seed)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_elements_in_the_same_memory_are_refused_before_anything_is_written() -> None:
    module = nn.ParameterList([torch.zeros(3), torch.zeros(1).expand(3)])
    law = fanin.Parameter((3,), "float32", fanin.normal(std=1.0))
    with pytest.raises(FaninValueError, match=r"^1: init_ cannot write a tensor whose elements share memory"):
        init_module_(module, fanin.Scheme({"0": law, "1": law}))
    assert module[0].tolist() == [0, 0, 0]


def sobol() -> torch.Tensor:
    engine: Any = torch.quasirandom.SobolEngine
    drawn: torch.Tensor = engine(2, scramble=True).draw(3)
    return drawn


REFUSED: dict[str, tuple[type[FaninError], str, tuple[Any, ...], dict[str, Any]]] = {
    "a module": (FaninTypeError, "Received: a Linear that exists", (nn.Linear(3, 4),), {}),
    "a name": (FaninTypeError, "Received: 'resnet50'", ("resnet50",), {}),
    "no module": (FaninTypeError, "Received: Tensor from 'zeros'", (torch.zeros, 3), {}),
    "a lazy layer": (FaninValueError, r"^weight, bias: no shape yet", (nn.LazyLinear, 3), {}),
    "a thread": (FaninValueError, r"not made by the function itself.*: 1\.weight, 1\.bias", (in_a_thread,), {}),
    "no tensors": (FaninValueError, "Identity has no parameters and no buffers", (nn.Identity,), {}),
    "sparse": (FaninValueError, "^made: sparse, nested", (with_buffer(lambda: torch.eye(3).to_sparse()),), {}),
    "a sequence of Sobol": (
        FaninValueError,
        "^made cannot be computed again: unknown",
        (with_buffer(sobol),),
        {},
    ),
    "no such accelerator": (
        FaninValueError,
        "device 'cuda.*' cannot be used here",
        (nn.Linear, 3, 4),
        {"device": NONE},
    ),
    "no memory": (FaninValueError, '"meta" has no memory', (nn.Linear, 3, 4), {"device": "meta"}),
    "no such device": (FaninValueError, "Received: 'gpu'", (nn.Linear, 3, 4), {"device": "gpu"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    error, message, args, settings = REFUSED[name]
    with pytest.raises(error, match=message):
        build(*args, **settings)


@pytest.mark.parametrize("settings", [{"seed": -1}, {"device": "meta"}], ids=["seed", "device"])
def test_a_wrong_argument_is_told_before_anything_is_built(settings: dict[str, Any]) -> None:
    calls: list[int] = []

    def counted() -> nn.Module:
        calls.append(1)
        return nn.Linear(3, 4)

    with pytest.raises(FaninValueError):
        build(counted, **settings)
    assert not calls


@pytest.mark.parametrize("draw", ["no", 0, None])
def test_whether_to_draw_is_said_plainly(draw: Any) -> None:
    with pytest.raises(FaninTypeError, match="draw must be True or False"), record(draw):
        pass


ROUNDED: dict[str, tuple[Callable[[], torch.Tensor], bool]] = {
    "to bfloat16 and back": (lambda: torch.randn(3).bfloat16().float(), False),
    "to float8 and on to bfloat16": (lambda: torch.randn(3).to(torch.float8_e4m3fn).bfloat16(), False),
    "from float16, which has other limits": (lambda: torch.randn(3, dtype=torch.float16).bfloat16(), False),
    "copied into a wider one": (lambda: torch.empty(3).copy_(torch.randn(3, dtype=torch.float16)), False),
    "narrower": (lambda: torch.randn(3).bfloat16(), True),
    "float32 and float64": (lambda: torch.randn(3).double().float(), True),
    "a constant": (lambda: torch.full((3,), 0.1, dtype=torch.bfloat16).float(), True),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_a_law_ends_where_its_numbers_were_rounded(name: str) -> None:
    make, is_law = ROUNDED[name]

    def rounded() -> nn.Module:
        return nn.ParameterList([make()])

    with record(draw=False) as recording:
        model = rounded()
    assert (recording.scheme(model)["0"].initializer is not None) is is_law
    drawn = build(rounded, seed=1).get_parameter("0").detach()
    if "bfloat16" in name or name == "a constant":
        assert torch.equal(drawn.bfloat16().to(drawn.dtype), drawn)
