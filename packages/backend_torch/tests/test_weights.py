"""Weights in torch's tensors, modules, files and distributed checkpoints, by slices."""

from __future__ import annotations

import io
import json
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict_saver import save

from fanin import FaninError
from fanin.weights import float32_of, open_weights
from fanin.weights.sharded import Block

REGION = ((1, 3), (2, 5))
WEIGHT = torch.arange(24.0).reshape(4, 6) / 8


def tied() -> nn.Module:
    module = nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.BatchNorm1d(2), "c": nn.Linear(3, 2, bias=False)})
    module["c"].weight = module["a"].weight
    return module


def test_a_module() -> None:
    weights = open_weights(tied())
    names = ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight"]
    assert list(weights) == [*names, "b.running_mean", "b.running_var", "b.num_batches_tracked"]
    assert weights["a.weight"].memory == weights["c.weight"].memory != weights["a.bias"].memory
    assert weights["b.num_batches_tracked"].dtype == "int64"


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "int32", "bool", "uint8"]
)
def test_dtypes_and_slices(dtype: str) -> None:
    value = WEIGHT.to(getattr(torch, dtype))
    for strided in (value, value.t().contiguous().t()):
        tensor = open_weights({"w": strided.requires_grad_(strided.is_floating_point())})["w"]
        assert (tensor.dtype, tensor.shape) == (dtype, (4, 6))
        found = float32_of(tensor.read(REGION), dtype)
        np.testing.assert_array_equal(found, value.detach().float()[1:3, 2:5].numpy())
        bits = value.detach().view({1: torch.uint8, 2: torch.int16}.get(value.itemsize, value.dtype))
        assert tensor.read().tobytes() == bits.contiguous().numpy().tobytes()


def test_a_scalar() -> None:
    assert open_weights({"w": torch.tensor(2.5, dtype=torch.bfloat16)})["w"].read().tolist() == 0x4020


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.empty(3, device="meta"), "w has no values: it is on the meta device. Initialize the model first"),
        (nn.LazyLinear(3).weight, "w has no values: it is not initialized yet"),
        (torch.eye(3).to_sparse(), r"weights are dense tensors. Received: a tensor that is torch.sparse_coo"),
    ],
)
def test_what_has_no_values(value: Tensor, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        open_weights({"w": value})


def test_a_tensor_has_no_name() -> None:
    with pytest.raises(FaninError, match=r"weights are tensors by name. Received: one Parameter"):
        open_weights(nn.Linear(2, 2).weight)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file(name: str, zipped: bool, tmp_path: Path) -> None:
    state = {"model": {"w": WEIGHT, "h": WEIGHT.to(torch.bfloat16), "v": WEIGHT}, "epoch": 3, "names": ["x"]}
    torch.save(state, tmp_path / name, _use_new_zipfile_serialization=zipped)
    weights = open_weights(tmp_path / name)
    assert list(weights) == ["model.w", "model.h", "model.v"]
    assert weights["model.w"].read(REGION).tolist() == WEIGHT[1:3, 2:5].tolist()
    assert weights["model.w"].memory == weights["model.v"].memory


class Runs:
    """What a pickle could do."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved({"w": WEIGHT, "x": Runs()}), "is not read: its pickle would run sys.exit. Accepted: tensors in plain"),
        (saved(nn.Linear(2, 2)), "is not read: its pickle would run torch.nn.modules.linear.Linear"),
        (saved({"w": WEIGHT})[:-200], "is no file of torch.save, or was cut off"),
        (saved({"w": WEIGHT})[:3], "is n"),
        (pickle.dumps({"w": 1}), "is n"),
        (
            b"no weights, but a text\n",
            "whatever its name says: it begins with b'no w', neither as a zip nor as a pickle",
        ),
        (b"", "is empty"),
        (saved({"epoch": 3}), "a.pt' has no arrays"),
    ],
)
def test_broken_files(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(FaninError, match=message):
        open_weights(tmp_path / "a.pt")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "step"
    warnings.filterwarnings("ignore", "torch.distributed is disabled")  # which one process alone is
    state = {"model": {"w": WEIGHT, "h": WEIGHT.to(torch.bfloat16)}, "epoch": 3, "s": torch.tensor(2.5)}
    save(state, checkpoint_id=path, no_dist=True)
    return path


def test_a_distributed_checkpoint(checkpoint: Path) -> None:
    weights = open_weights(checkpoint)
    assert list(weights) == ["model.w", "model.h", "s"]
    assert weights["model.w"].read(REGION).tolist() == WEIGHT[1:3, 2:5].tolist()
    assert float32_of(weights["model.h"].read(), "bfloat16").tolist() == WEIGHT.tolist()
    assert weights["s"].read().tolist() == 2.5


def other_index(content: bytes) -> Callable[[Path], object]:
    return lambda path: (path / ".metadata").write_bytes(content)


def shorter(path: Path) -> None:
    file = path / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[:-1])


def spoilt(path: Path) -> None:
    file = path / "__0_0.distcp"
    file.write_bytes(b"\0" * file.stat().st_size)


def without_a_part(path: Path) -> None:
    index = FileSystemReader(path).read_metadata()
    del index.storage_data[next(one for one in index.storage_data if one.fqn == "model.w")]
    (path / ".metadata").write_bytes(pickle.dumps(index))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: (path / "__0_0.distcp").unlink(), "lacks the file '__0_0.distcp' that its index names"),
        (shorter, "__0_0.distcp' was cut off: .* ends at byte"),
        (spoilt, "__0_0.distcp' is broken at model.w"),
        (without_a_part, "has 0 of the 24 elements of model.w: parts are missing"),
        (other_index(b""), ".metadata' was cut off, or is no index"),
        (other_index(pickle.dumps(Runs())), ".metadata' is not read: its pickle would run sys.exit"),
        (other_index(pickle.dumps(torch.nn.Linear)), "would run torch.nn.modules.linear.Linear"),
        (other_index(pickle.dumps({"a": 1})), "is no index of a distributed checkpoint"),
    ],
)
def test_broken_checkpoints(change: Callable[[Path], object], message: str, checkpoint: Path) -> None:
    change(checkpoint)
    with pytest.raises(FaninError, match=message):
        open_weights(checkpoint)["model.w"].read()


def test_files_that_the_library_of_safetensors_wrote(tmp_path: Path) -> None:
    """Every dtype that both know; the bits are those of the library."""
    from safetensors.torch import save_file

    dtypes = ["float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "int64", "int32", "int16"]
    dtypes += ["int8", "uint8", "bool", "uint16", "uint32", "uint64"]
    tensors = {name: WEIGHT.to(getattr(torch, name)).contiguous() for name in dtypes}
    save_file(tensors, tmp_path / "a.safetensors", metadata={"format": "pt"})
    weights = open_weights(tmp_path / "a.safetensors")
    own = open_weights(tensors)
    assert set(weights) == set(dtypes)
    for name, tensor in weights.items():
        assert (tensor.dtype, tensor.shape) == (name, (4, 6))
        assert tensor.read(REGION).tolist() == own[name].read(REGION).tolist()


def test_shards_that_transformers_would_write(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": WEIGHT}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": WEIGHT + 1}, tmp_path / "model-00002-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}), encoding="utf-8")
    weights = open_weights(tmp_path)
    assert weights["b"].read(REGION).tolist() == (WEIGHT + 1)[1:3, 2:5].tolist()


def test_several_blocks_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a strided shard: rows 0 to 2 and 6 to 8 of ten, one behind the other in memory."""
    whole = torch.arange(30.0).reshape(10, 3)
    local = torch.cat([whole[0:2], whole[6:8]])
    columns = (slice(0, 3),)
    blocks = [
        Block(((0, 2), (0, 3)), (slice(0, 2), *columns)),
        Block(((6, 8), (0, 3)), (slice(2, 4), *columns)),
    ]
    monkeypatch.setattr("fanin.weights.torch_tensors.local_blocks", lambda value: (local, blocks))
    tensor = open_weights({"w": whole})["w"]
    assert not tensor.is_whole
    assert list(tensor.pieces()) == [block.part for block in blocks]
    for start, stop in ((0, 2), (6, 8), (7, 8)):
        assert tensor.read(((start, stop), (1, 3))).tolist() == whole[start:stop, 1:3].tolist()
