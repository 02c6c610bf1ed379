"""An audit of torch's files: a fault is found, named and alone, whatever the format, and files are not trusted."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import torch
from torch import nn
from torch.distributed.checkpoint.state_dict_saver import save

import fanin
from fanin import FaninError, Scheme
from fanin_torch import init_module_, record


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 96), nn.LayerNorm(96), nn.Embedding(50, 32))


@pytest.fixture(scope="module")
def scheme() -> Scheme:
    with record(draw=False) as recording:
        made = model()
    return recording.scheme(made)


def pt(state: dict[str, torch.Tensor], folder: Path) -> Path:
    torch.save(state, folder / "model.pt")
    return folder / "model.pt"


def old(state: dict[str, torch.Tensor], folder: Path) -> Path:
    """As torch saved before 1.6, beside an optimizer's state."""
    content = {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}}
    torch.save(content, folder / "model.pth", _use_new_zipfile_serialization=False)
    return folder / "model.pth"


def distributed(state: dict[str, torch.Tensor], folder: Path) -> Path:
    save({"model": state}, checkpoint_id=folder / "step", no_dist=True)
    return folder / "step"


FILES: Final[dict[str, Callable[[dict[str, torch.Tensor], Path], Path]]] = {
    "pt": pt,
    "old": old,
    "distributed": distributed,
}


def nothing(state: dict[str, torch.Tensor]) -> None:
    """Plant no fault."""


def nan(state: dict[str, torch.Tensor]) -> None:
    state["2.bias"].fill_(float("nan"))


def halved(state: dict[str, torch.Tensor]) -> None:
    state["0.weight"].mul_(0.5)


def shards(state: dict[str, torch.Tensor]) -> None:
    state["2.weight"][48:] = state["2.weight"][:48]


def absent(state: dict[str, torch.Tensor]) -> None:
    del state["3.bias"]


FAULTS: Final = {
    "nothing": (nothing, []),
    "NaN": (nan, [("nan", "2.bias")]),
    "half of it": (halved, [("std", "0.weight")]),
    "shards that are equal": (shards, [("equal blocks", "2.weight")]),
    "a bias that is missing": (absent, [("missing", "3.bias")]),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_fault_is_found_in_a_file(fault: str, kind: str, scheme: Scheme, tmp_path: Path) -> None:
    plant, expected = FAULTS[fault]
    made = init_module_(model(), scheme, seed=5)
    state = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    plant(state)
    report = fanin.audit(FILES[kind](state, tmp_path), scheme)
    found = [(one.kind, re.sub("^(model|state_dict)[.]", "", one.parameters[0])) for one in report.findings]
    assert found == expected, str(report)


def test_the_bits_of_a_seed_are_found_in_a_file(scheme: Scheme, tmp_path: Path) -> None:
    state = init_module_(model(), scheme, seed=5).state_dict()
    report = fanin.audit(pt(dict(state), tmp_path), scheme, seed=5)
    assert report.findings == ()
    assert {one.verdict for one in report.entries if "weight" in one.name} >= {"fanin's bits, seed 5"}


class Runs:
    """Would run a program when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit(3)",)


def test_no_file_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"w": Runs()}))
    with pytest.raises(FaninError, match="is not read: its pickle holds more"):
        fanin.audit(tmp_path / "a.pt")
    torch.save({"w": Runs()}, tmp_path / "b.pt")
    with pytest.raises(FaninError, match="would run"):
        fanin.audit(tmp_path / "b.pt")


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = pt({"w": torch.ones(4000)}, tmp_path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(FaninError, match="was cut off"):
        fanin.audit(path)
