"""Be one of several processes that share a model: `python distributed_processes.py RANK WORLD PORT SCHEME.json`.

Each builds the model on the meta device, distributes it, and initialises it by the scheme. Process 0 prints, for each
way to distribute it, the placements that occurred and the digest of every whole parameter and buffer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import fanin
from fanin_torch import init_module_

SEED = 7


ONE_LAW: dict[str, Any] = {
    "initialization": "glorot_uniform",
    "bias": fanin.uniform(-0.1, 0.1),
    "overrides": {"embedding.weight": fanin.normal(std=0.02), "experts": {"layout": "SOI"}},
}
"""The arguments of `init_module_` for one law."""


class Model(nn.Module):
    """Sizes that no mesh divides, a packed weight, a row of zeros, tied weights, and buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 16, padding_idx=2)
        self.attention = nn.MultiheadAttention(16, 2)
        self.first = nn.Linear(16, 61)
        self.second = nn.Linear(61, 16, bias=False)
        self.experts = nn.Parameter(torch.ones(5, 3, 4))
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 7, bias=False)
        self.head.weight = self.embedding.weight
        nn.init.trunc_normal_(self.first.weight, std=0.02)
        nn.init.orthogonal_(self.second.weight)


def digests(model: nn.Module) -> dict[str, str]:
    """Return the digest of every whole tensor."""
    found = {}
    for name, held in model.state_dict().items():
        whole: Tensor = held.full_tensor() if hasattr(held, "full_tensor") else held
        found[name] = hashlib.sha256(whole.detach().contiguous().numpy().tobytes()).hexdigest()
    return found


def distributed(way: str, world: int) -> nn.Module:
    """Return the model on the meta device, distributed in one of several ways."""
    with torch.device("meta"):
        model = Model()
    if way == "fully sharded":
        fully_shard(model, mesh=init_device_mesh("cpu", (world,)))
    elif way == "offloaded":
        fully_shard(model, mesh=init_device_mesh("cpu", (world,)), offload_policy=CPUOffloadPolicy(pin_memory=False))
    elif way == "hybrid":
        fully_shard(model, mesh=init_device_mesh("cpu", (world // 2, 2), mesh_dim_names=("replicas", "shards")))
    else:
        mesh = init_device_mesh("cpu", (2, world // 2), mesh_dim_names=("data", "tensor"))
        parallelize_module(model, mesh["tensor"], {"first": ColwiseParallel(), "second": RowwiseParallel()})
        fully_shard(model, mesh=mesh["data"])
    return model


def main(rank: int, world: int, port: str, scheme: fanin.Scheme) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    report: dict[str, Any] = {"world": world}
    for way in ("fully sharded", "offloaded", "hybrid", "sharded over tensor parallel"):
        model = init_module_(distributed(way, world), scheme, seed=SEED)
        placements = sorted({str(getattr(one, "placements", None)) for one in model.parameters()})
        by_law = init_module_(distributed(way, world), **ONE_LAW, seed=SEED)
        report[way] = {"placements": placements, "scheme": digests(model), "one law": digests(by_law)}
    if rank == 0:
        print(json.dumps(report))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], fanin.Scheme.from_json(Path(sys.argv[4]).read_text("utf-8")))
