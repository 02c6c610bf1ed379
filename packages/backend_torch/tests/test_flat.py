"""FullyShardedDataParallel, which keeps parameters in flat vectors without their shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from fanin.exceptions import FaninValueError
from fanin_torch import init_, init_module_


@pytest.fixture(scope="module", autouse=True)
def process_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    file: Path = tmp_path_factory.mktemp("store") / "store"
    dist.init_process_group("gloo", init_method=file.as_uri(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore")  # torch's own, of the class and of one process
@pytest.mark.parametrize("original", [False, True])
def test_flat_parameters_are_refused_and_whole_ones_are_not(original: bool) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    model = FullyShardedDataParallel(net, use_orig_params=original, device_id=torch.device("cpu"))
    before = [parameter.clone() for parameter in model.parameters()]
    if not original:
        with pytest.raises(FaninValueError, match=r"flat vectors, .*: .*_flat_param.*summon_full_params.*fully_shard"):
            init_module_(model, "he", seed=3)
        assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before, strict=True))
    with FullyShardedDataParallel.summon_full_params(model):
        init_module_(model, "he", seed=3)
        weight = model.state_dict()["1.weight"].clone()
    assert torch.equal(weight, init_(torch.empty(2, 3), "he", seed=3, name="1.weight"))
