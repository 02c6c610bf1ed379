"""Be one process of many and draw distributed tensors: `python sharded_process.py RANK` prints what it checked.

A process group that sends nothing stands for the others: drawing a part needs no communication.
"""

from __future__ import annotations

import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard
from torch.testing._internal.distributed.fake_pg import FakeStore

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.presets import ones, zeros
from fanin.models import Parameter, Scheme
from fanin_torch import init, init_, init_module_

SHAPE = (13, 10)
WORLD = 6
MESHES: list[tuple[tuple[int, ...], list[Placement]]] = [
    ((6,), [Shard(0)]),
    ((6,), [Shard(1)]),
    ((6,), [Replicate()]),
    ((2, 3), [Shard(0), Shard(1)]),
    ((2, 3), [Shard(1), Shard(0)]),
    ((2, 3), [Replicate(), Shard(1)]),
    ((2, 3), [Shard(0), Shard(0)]),
]


def own_part(whole: torch.Tensor, mesh: DeviceMesh, placements: list[Placement]) -> torch.Tensor:
    """Return what torch's documentation says this process holds: chunk after chunk, in the order of the mesh."""
    part = whole
    for mesh_dim, placement in enumerate(placements):
        if isinstance(placement, Shard):
            chunks = list(part.chunk(mesh.size(mesh_dim), placement.dim))
            chunks += [part.narrow(placement.dim, 0, 0)] * (mesh.size(mesh_dim) - len(chunks))
            part = chunks[mesh.get_local_rank(mesh_dim)]
    return part


def main(rank: int) -> None:
    dist.init_process_group("fake", rank=rank, world_size=WORLD, store=FakeStore())
    whole = init(SHAPE, "he", seed=3, name="w")
    for shape, placements in MESHES:
        mesh = init_device_mesh("cpu", shape)
        expected = own_part(whole, mesh, placements)
        local = torch.zeros(expected.shape)
        tensor = DTensor.from_local(local, mesh, placements, shape=whole.shape, stride=whole.stride())
        init_(torch.nn.Parameter(tensor), "he", seed=3, name="w")
        assert torch.equal(tensor.to_local(), expected), (shape, placements)
        print(shape, placements, tuple(expected.shape))
    with torch.no_grad():
        tensor.fill_(1.0)
    try:
        init_(tensor, "he")
    except FaninTypeError as error:
        assert (tensor.to_local() == 1).all()
        print(error)
    init_(tensor, "zeros")
    assert not tensor.to_local().any()
    unsummed = DTensor.from_local(torch.zeros(SHAPE), init_device_mesh("cpu", (WORLD,)), [Partial()])
    try:
        init_(unsummed, name="w")
    except FaninValueError as error:
        assert not unsummed.to_local().any()
        print(error)
    counts = Counts(unsummed)
    with torch.no_grad():
        counts.sum.fill_(1.0)
    for law in (ones(), zeros()):
        try:
            init_module_(counts, Scheme({"sum": Parameter(SHAPE, "float32", law)}))
        except FaninValueError as error:
            assert (counts.sum.to_local() == 1).all()
            print(error)
    assert not counts.sum.to_local().any()


class Counts(nn.Module):
    """Numbers that each process has a part of, as a model of experts counts its tokens."""

    sum: DTensor

    def __init__(self, unsummed: DTensor) -> None:
        super().__init__()
        self.register_buffer("sum", unsummed)


if __name__ == "__main__":
    main(int(sys.argv[1]))
