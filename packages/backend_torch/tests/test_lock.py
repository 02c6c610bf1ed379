"""Modules of torch against a lock: built, wrapped, cast, saved, and distributed over two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import fanin
import fanin_torch
from fanin.cli import main
from fanin.locking import Lock, verification

from .lock_process import Model
from .test_distributed import free_port

PROGRAM = Path(__file__).with_name("lock_process.py")


def made(seed: int = 5) -> tuple[Lock, Model]:
    with fanin_torch.record(draw=False) as recording:
        model = Model()
    scheme = recording.scheme(model)
    fanin_torch.init_module_(model, scheme, seed=seed)
    return fanin.lock(scheme, seed), model


def test_a_module_and_its_state_dict() -> None:
    lock, model = made()
    assert list(lock.not_locked) == ["positions"]
    for weights in (model, model.state_dict(), {"state_dict": model.state_dict(), "epoch": 3}):
        found = verification(lock, weights)
        assert found.findings == ()
        assert found.tied == (("head.weight" if not found.prefix else "state_dict.head.weight", "embedding.weight"),)
    assert fanin.verify(Lock.from_json(lock.to_json()), model)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch.compile imports what calls it
def test_wrapped_modules() -> None:
    lock, model = made()
    assert fanin.verify(lock, nn.DataParallel(model))
    assert fanin.verify(lock, torch.compile(model))
    assert fanin.verify(lock, {f"_orig_mod.module.{name}": value for name, value in model.state_dict().items()})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_cast_module(dtype: torch.dtype) -> None:
    lock, model = made()
    assert fanin.verify(lock, model.to(dtype))
    wide = verification(lock, model.float())
    assert {one.cause for one in wide.findings} == {f"rounded to {str(dtype).removeprefix('torch.')}"}


def test_one_step_of_training_is_seen() -> None:
    lock, model = made()
    model.mix(torch.ones(2, 6)).sum().backward()
    torch.optim.SGD(model.parameters(), lr=1e-3).step()
    found = verification(lock, model)
    assert [one.name for one in found.findings] == ["mix.weight", "mix.bias"]


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # which one process alone is
def test_saved_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tied weight that a format stores twice is no difference."""
    from safetensors.torch import save_model
    from torch.distributed.checkpoint.state_dict_saver import save

    lock, model = made()
    torch.save(model.state_dict(), tmp_path / "a.pt")
    save_model(model, str(tmp_path / "a.safetensors"))
    save({"model": model.state_dict()}, checkpoint_id=tmp_path / "step", no_dist=True)
    (tmp_path / "lock.json").write_text(lock.to_json(), encoding="utf-8")
    for name in ("a.pt", "a.safetensors", "step"):
        assert main(["verify", str(tmp_path / "lock.json"), str(tmp_path / name)]) == 0
        assert capsys.readouterr().out.startswith(f"all {len(lock.digests)} parameters are equal")
    with torch.no_grad():
        model.mix.bias[3] += 1
    torch.save(model.state_dict(), tmp_path / "a.pt")
    assert main(["verify", str(tmp_path / "lock.json"), str(tmp_path / "a.pt")]) == 1
    assert "1 of 5 differ, first at (3,)" in capsys.readouterr().out


def test_two_processes_verify_their_own_parts(tmp_path: Path) -> None:
    """Without a word between them: the blocks that a process holds are all that it compares."""
    lock, _ = made()
    file = tmp_path / "lock.json"
    file.write_text(lock.to_json(), encoding="utf-8")
    port = free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), "2", str(port), str(file), str(tmp_path / "step")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    first, second = (json.loads(out) for out, _ in outputs)
    whole = sum(lock.scheme[name].size for name in lock.digests)
    for one in (first, second):
        assert one["equal"]
        assert "embedding.weight" in one["partial"]
        assert 0 < one["elements"] < whole
        assert one["communicated"] == 0
    shared = 1  # batch norm's count, which both hold
    buffers = 12
    assert first["elements"] + second["elements"] == whole + shared + buffers
    assert first["changed"] == []
    assert second["changed"] == [["attention.in_proj_weight", 1, [17, 5]]]
    assert verification(lock, tmp_path / "step").findings == (), "what two processes saved, read by one"
