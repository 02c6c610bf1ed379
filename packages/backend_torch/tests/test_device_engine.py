"""The choice between Triton and torch's operations, without an accelerator and without Triton."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import fanin
import fanin_numpy
import fanin_torch
from fanin import reference
from fanin.cli import main
from fanin.exceptions import FaninValueError
from fanin_numpy import NumpyBackend
from fanin_torch import TorchBackend, _device_engine, _fused
from fanin_torch._draw import draw_with_torch

PLAN = fanin.plan((7, 5), "he", layout="OI", name="w")


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("FANIN_DEVICE_ENGINE", raising=False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    yield
    fanin_torch.set_device_engine(None)


@pytest.fixture
def on_a_device(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let main memory pass for a device's, with a Triton whose kernel writes nines; return its calls."""
    calls: list[Any] = []

    def draw_stream(*arguments: Any) -> bool:
        calls.append(arguments)
        arguments[-1].fill_(9.0)
        return True

    monkeypatch.setattr(_device_engine, "_is_for", lambda device: True)
    monkeypatch.setattr(_device_engine, "_fault", lambda: None)
    monkeypatch.setattr(_fused, "draw_stream", draw_stream)
    return calls


def drawn() -> torch.Tensor:
    tensor = torch.empty(PLAN.shape)
    draw_with_torch(PLAN, tensor)
    return tensor


def is_right(tensor: torch.Tensor) -> bool:
    return TorchBackend().tobytes(tensor) == reference.tobytes(PLAN)


@pytest.mark.parametrize("name", ["auto", "triton"])
def test_triton_draws_what_it_can(on_a_device: list[Any], name: Any) -> None:
    fanin_torch.set_device_engine(name)
    assert drawn().eq(9.0).all()
    ((start, axes, rule, key, _),) = on_a_device
    assert (start, axes, rule, key) == (PLAN.offset, PLAN.axes, PLAN.rule, PLAN.keys[0])


def test_each_slice_of_a_stack_is_a_launch(on_a_device: list[Any]) -> None:
    plan = fanin.plan((2, 7, 5), "he", layout="SOI", name=["a", "b"])
    draw_with_torch(plan, torch.empty(plan.shape))
    assert [key for *_, key, _ in on_a_device] == list(plan.keys)


@pytest.mark.parametrize("how", ["function", "variable"])
def test_torch_turns_it_off(on_a_device: list[Any], how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "function":
        fanin_torch.set_device_engine("torch")
    else:
        monkeypatch.setenv("FANIN_DEVICE_ENGINE", "torch")
    assert fanin_torch.get_device_engine() == "torch"
    assert is_right(drawn())
    assert not on_a_device


def test_what_the_kernel_cannot_draw_is_drawn(on_a_device: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fused, "draw_stream", lambda *_: False)
    assert is_right(drawn())


def test_a_failure_is_told_once_and_drawn_by_torch(on_a_device: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bool:
        on_a_device.append(None)
        raise RuntimeError("no C compiler")

    monkeypatch.setattr(_fused, "draw_stream", fail)
    with pytest.warns(RuntimeWarning, match=r"torch's own operations.*no C compiler.*FANIN_DEVICE_ENGINE=torch"):
        assert is_right(drawn())
    assert is_right(drawn())
    assert len(on_a_device) == 1
    fanin_torch.set_device_engine("triton")
    with pytest.raises(RuntimeError, match="no C compiler"):
        drawn()


def test_memory_that_runs_out_is_no_failure_of_triton(on_a_device: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bool:
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(_fused, "draw_stream", fail)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        drawn()


FAULTS = ["Triton is not installed", "Triton 3.1.0 is older than 3.2", "Triton cannot be imported: OSError: no library"]


@pytest.mark.parametrize("fault", FAULTS)
def test_without_triton(on_a_device: list[Any], fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_device_engine, "_fault", lambda: fault)
    assert is_right(drawn())
    with pytest.raises(FaninValueError, match=rf"needs Triton 3\.2 or newer\. Here, {fault}\."):
        fanin_torch.set_device_engine("triton")
    assert fanin_torch.get_device_engine() == "auto"
    monkeypatch.setenv("FANIN_DEVICE_ENGINE", "triton")
    with pytest.raises(FaninValueError, match=rf"needs Triton 3\.2 or newer\. Here, {fault}\."):
        drawn()
    assert not on_a_device


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("3.1.0", "Triton 3.1.0 is older than 3.2"),
        ("2.9", "Triton 2.9 is older than 3.2"),
        ("3.2.0", None),
        ("3.10.0+git", None),
        ("4.0", None),
        (None, "Triton cannot be imported: AttributeError: module 'triton' has no attribute '__version__'"),
    ],
)
def test_faults(version: str | None, fault: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = types.ModuleType("triton")
    if version:
        found.__version__ = version  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "triton", found)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert _device_engine._fault.__wrapped__() == fault
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert _device_engine._fault.__wrapped__() == "Triton is not installed"


def test_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fanin backends` shows it."""
    found = types.ModuleType("triton")
    found.__version__ = "3.7.1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "triton", found)
    monkeypatch.setattr(_device_engine, "_fault", lambda: None)
    on_the_cpu = NumpyBackend().engine
    assert TorchBackend().engine == f"{on_the_cpu}, devices: Triton 3.7.1"
    monkeypatch.setattr(_device_engine._Choice, "failed", True)
    assert TorchBackend().engine == f"{on_the_cpu}, devices: torch (Triton failed)"
    fanin_torch.set_device_engine("triton")
    assert TorchBackend().engine == f"{on_the_cpu}, devices: Triton 3.7.1"
    fanin_torch.set_device_engine("torch")
    assert TorchBackend().engine == f"{on_the_cpu}, devices: torch"
    monkeypatch.setattr(_device_engine, "_fault", lambda: "Triton is not installed")
    fanin_torch.set_device_engine("auto")
    assert TorchBackend().engine == f"{on_the_cpu}, devices: torch (Triton is not installed)"
    fanin_torch.set_device_engine(None)
    monkeypatch.setenv("FANIN_DEVICE_ENGINE", "triton")
    with pytest.raises(FaninValueError, match=r"Here, Triton is not installed\."):
        _ = TorchBackend().engine


def test_what_breaks_two_backends_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """torch draws by NumPy's kernels on the CPU, so one wrong setting is of both."""
    with monkeypatch.context() as changed:
        changed.setenv("FANIN_ENGINE", "numba")
        fanin_numpy.set_engine(None)
        assert main(["backends"]) == 1
    fanin_numpy.set_engine(None)
    shown = capsys.readouterr().out
    assert shown.count("broken") >= 2
    assert shown.count("FANIN_ENGINE must be one of") == 1


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fanin_torch.get_device_engine() == "auto"
    with pytest.raises(FaninValueError, match="'numba'"):
        fanin_torch.set_device_engine("numba")  # type: ignore[arg-type]
    monkeypatch.setenv("FANIN_DEVICE_ENGINE", "cuda")
    with pytest.raises(FaninValueError, match=r"FANIN_DEVICE_ENGINE.*auto, torch, triton.*'cuda'"):
        fanin_torch.get_device_engine()


@pytest.mark.parametrize(
    ("device", "environment", "expected"),
    [("cuda", None, True), ("xpu", None, True), ("mps", None, False), ("cpu", None, False), ("cpu", "1", True)],
)
def test_devices(device: str, environment: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if environment:
        monkeypatch.setenv("TRITON_INTERPRET", environment)
    assert _device_engine._is_for(torch.device(device)) is expected


def test_main_memory_never_needs_the_kernel() -> None:
    code = "import sys, fanin_torch, torch; fanin_torch.init((4, 4), 'he', name='w'); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()  # torch itself may import Triton
    assert "fanin_torch._device_engine" in loaded
    assert not {"fanin_torch._fused", "fanin_torch._triton_kernel"} & set(loaded)
