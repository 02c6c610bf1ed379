"""Be one of several processes that share torchtitan's models: `python titan_process.py RANK PROCESSES PORT CASES.json`.

A case is a model and a mesh. Each process builds the model on the meta device, records its own initialization, lets
torchtitan distribute it, and draws its part. Process 0 prints what all of them found, a list for each case.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from titan_models import MODELS, Mesh, Titan, logits, seed
from torch import Tensor, nn
from torch.distributed.tensor.debug import CommDebugMode

import fanin_numpy
import fanin_torch
from fanin.models import Scheme
from fanin.plans import Run
from fanin_torch import _apply_scheme
from fanin_torch._names import named_tensors
from fanin_torch._record import replay

SEED = 7


def digests(model: nn.Module) -> dict[str, str]:
    """Return the digest of every whole parameter and buffer."""
    found: dict[str, str] = {}
    for one in named_tensors(model):
        held = one.tensor.detach()
        values: Tensor = held.full_tensor() if hasattr(held, "full_tensor") else held
        digest = hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()
        found |= dict.fromkeys(one.names, digest)
    return found


def whole(titan: Titan, mesh: Mesh) -> nn.Module:
    """Return the model of one process."""
    return fanin_torch.build(titan.build, mesh, seed=SEED)


def local(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor."""
    part: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return part


@contextmanager
def counted(module: Any) -> Iterator[list[int]]:
    """Count the weights of each call by which a module draws."""
    numbers: list[int] = []
    original = module.draw_into

    def draw_into(plan: object, tensor: Tensor) -> None:
        numbers.append(tensor.numel())
        original(plan, tensor)

    with mock.patch.object(module, "draw_into", draw_into):
        yield numbers


@contextmanager
def counted_scheme() -> Iterator[list[int]]:
    """Count the weights that a scheme draws: alone, together with others, and constants."""
    carry_out, add = _apply_scheme._carry_out, fanin_numpy.Batch.add

    def counted_fill(write: Any, memory: Tensor, *rest: Any) -> None:
        numbers.extend([memory.numel()] * (write.fill is not None))
        carry_out(write, memory, *rest)

    def counted_add(batch: fanin_numpy.Batch, run: Run, *rest: Any) -> None:
        numbers.append(run.size)
        add(batch, run, *rest)

    with (
        counted(_apply_scheme) as numbers,
        mock.patch.object(_apply_scheme, "_carry_out", counted_fill),
        mock.patch.object(fanin_numpy.Batch, "add", counted_add),
    ):
        yield numbers


class Case:
    """One model on one mesh, in steps: what a step does with the other processes cannot wait for one that failed."""

    def __init__(self, name: str, mesh: Mesh) -> None:
        self.titan = MODELS[name]
        self.mesh = mesh
        self.model, self.scheme = self._on_meta()
        self.dims: Any = None
        self.found: dict[str, Any] = {}

    def _on_meta(self) -> tuple[nn.Module, Scheme]:
        with fanin_torch.record(draw=False) as recording, torch.device("meta"):
            model = self.titan.build(self.mesh)
        return model, recording.scheme(model)

    def steps(self) -> list[Callable[[], None]]:
        """Return what is done, in order."""
        return [self.draw, self.compare, self.forward, self.draw_with_torch]

    def draw(self) -> None:
        """Distribute the model and draw this process's part."""
        self.dims = self.titan.distribute(self.model, self.mesh)
        on_meta = all(one.is_meta for one in self.model.parameters())
        communication = CommDebugMode()  # type: ignore[no-untyped-call]
        with communication, counted_scheme() as drawn, counted(replay) as replayed:
            fanin_torch.init_module_(self.model, self.scheme, seed=SEED)
        held = {one.names[0]: local(one.tensor).numel() for one in named_tensors(self.model)}
        self.found |= {
            "on meta": on_meta,
            "communication": communication.get_total_counts(),
            "drawn": sum(drawn),
            "held": sum(held[name] for name, parameter in self.scheme.items() if parameter.follows_laws),
            "replayed": sum(replayed),
        }

    def compare(self) -> None:
        """Take the digests of the whole tensors."""
        self.found["digests"] = digests(self.model)

    def forward(self) -> None:
        """Compare a forward pass with that of one process."""
        out, part = logits(self.model, self.mesh, self.dims)
        expected, _ = logits(whole(self.titan, Mesh()), Mesh())
        self.found |= {
            "finite": bool(torch.isfinite(out).all()),
            "shape": [list(out.shape), list(expected[part].shape)],
            "difference": float((out - expected[part]).abs().max()),
            "spread": float(expected.std()),
        }

    def draw_with_torch(self) -> None:
        """Take the digests that torchtitan's own initialization gives, with torch's generators as its trainer seeds."""
        model, _ = self._on_meta()
        dims = self.titan.distribute(model, self.mesh)
        model.to_empty(device="cpu")
        seed(dims)
        with torch.no_grad():
            model.init_weights()  # type: ignore[operator]
        self.found["own"] = digests(model)


def everyone(processes: int, mine: object) -> list[Any]:
    """Return what every process says."""
    said: list[Any] = [None] * processes
    dist.all_gather_object(said, mine)
    return said


def main(rank: int, processes: int, port: str, cases: list[dict[str, Any]]) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", rank=rank, world_size=processes, timeout=timedelta(seconds=300))
    for one in cases:
        case = Case(one["model"], Mesh(**one["mesh"]))
        for step in case.steps():
            try:
                step()
            except Exception:
                case.found["error"] = traceback.format_exc()
            if any(everyone(processes, "error" in case.found)):
                break
        reports = everyone(processes, case.found)
        if rank == 0:
            print(json.dumps(reports), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(Path(sys.argv[4]).read_text("utf-8")))
