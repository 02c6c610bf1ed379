"""Be one of several processes that verify a distributed model: `python lock_process.py RANK WORLD PORT LOCK FOLDER`.

Each prints what it found in its own part, before and after process 1 changed one weight of its own.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.debug import CommDebugMode

import fanin_torch
from fanin.locking import Lock, verification


class Model(nn.Module):
    """Sizes that two processes do not halve, tied weights, a packed weight, buffers and an orthogonal matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 6, padding_idx=2)
        self.attention = nn.MultiheadAttention(6, 2)
        self.norm = nn.BatchNorm1d(6)
        self.mix = nn.Linear(6, 5)
        self.head = nn.Linear(6, 7, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("positions", torch.arange(4))
        nn.init.orthogonal_(self.mix.weight)


def main(rank: int, world: int, port: str, lock: Lock, folder: Path) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    with torch.device("meta"):
        model = Model()
    model.positions = torch.arange(4)  # follows no law
    fully_shard(model, mesh=init_device_mesh("cpu", (world,)))
    fanin_torch.init_module_(model, lock.scheme, seed=lock.seed)
    communication: Any = CommDebugMode()  # type: ignore[no-untyped-call]
    with communication:
        found = verification(lock, model)
    save({"model": model.state_dict()}, checkpoint_id=folder)
    if rank == 1:
        with torch.no_grad():
            sharded: Any = model.attention.in_proj_weight
            sharded.to_local()[-1, -1] += 1
    changed = [[one.name, one.differing, one.first] for one in verification(lock, model).findings]
    report = {
        "equal": bool(found),
        "elements": found.elements,
        "partial": found.partial,
        "communicated": communication.get_total_counts(),
        "changed": changed,
    }
    print(json.dumps(report))
    dist.destroy_process_group()


if __name__ == "__main__":
    rank, world, port, lock, folder = sys.argv[1:]
    main(int(rank), int(world), port, Lock.from_json(Path(lock).read_text("utf-8")), Path(folder))
