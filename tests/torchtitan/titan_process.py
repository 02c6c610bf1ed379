"""Be one of several processes that share torchtitan's models: `python titan_process.py RANK PROCESSES PORT CASES.json`.

A case is a model and a mesh. Each process builds the model on the meta device, records its own initialization, lets
torchtitan distribute it, and draws its part. Process 0 prints what all of them found, a list for each case.

`own` are the digests that torchtitan's own initialization gives with torch's generators, for comparison.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from titan_models import MODELS, Mesh, Titan, logits, seed
from torch import Tensor, nn
from torch.distributed.tensor.debug import CommDebugMode

import fanin_torch
from fanin_torch import _apply_scheme
from fanin_torch._names import named_tensors
from fanin_torch._record import replay

SEED = 7


def digests(model: nn.Module) -> dict[str, str]:
    """Return the digest of every whole parameter and buffer."""
    found = {}
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


def case(name: str, mesh: Mesh) -> dict[str, Any]:
    """Distribute and draw one model; return what was found."""
    titan = MODELS[name]
    with fanin_torch.record(draw=False) as recording, torch.device("meta"):
        model = titan.build(mesh)
    scheme = recording.scheme(model)
    dims = titan.distribute(model, mesh)
    on_meta = all(one.is_meta for one in model.parameters())
    with CommDebugMode() as communication, counted(_apply_scheme) as drawn, counted(replay) as replayed:
        fanin_torch.init_module_(model, scheme, seed=SEED)
    held = {one.names[0]: local(one.tensor).numel() for one in named_tensors(model)}
    found = {
        "on meta": on_meta,
        "communication": communication.get_total_counts(),
        "drawn": sum(drawn),
        "held": sum(held[name] for name, parameter in scheme.items() if parameter.follows_laws),
        "replayed": sum(replayed),
        "placements": sorted({str(getattr(one, "placements", None)) for one in model.parameters()}),
        "digests": digests(model),
    }
    out, part = logits(model, mesh, dims)
    expected, _ = logits(whole(titan, Mesh()), Mesh())
    found["finite"] = bool(torch.isfinite(out).all())
    found["shape"] = [list(out.shape), list(expected[part].shape)]
    found["difference"] = float((out - expected[part]).abs().max())
    found["spread"] = float(expected.std())
    found["own"] = digests(own(titan, mesh))
    return found


def own(titan: Titan, mesh: Mesh) -> nn.Module:
    """Return the distributed model with its own random numbers, seeded by torchtitan."""
    with torch.device("meta"):
        model = titan.build(mesh)
    dims = titan.distribute(model, mesh)
    model.to_empty(device="cpu")
    seed(dims)
    with torch.no_grad():
        model.init_weights()  # type: ignore[operator]
    return model


def main(rank: int, processes: int, port: str, cases: list[dict[str, Any]]) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    for one in cases:
        try:
            found = case(one["model"], Mesh(**one["mesh"]))
        except Exception:
            found = {"error": traceback.format_exc()}
        everyone: list[Any] = [None] * processes
        dist.all_gather_object(everyone, found)
        if rank == 0:
            print(json.dumps(everyone), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(Path(sys.argv[4]).read_text("utf-8")))
