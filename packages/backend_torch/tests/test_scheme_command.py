"""`fanin scheme` of a torch module: recorded without drawing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from fanin import Scheme
from fanin.cli import main

CODE = """
from torch import nn

def small():
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2, bias=False))

def number():
    return 5

class Large(nn.Linear):
    def __init__(self):
        super().__init__(4, 16)
"""

TABLE = """\
name      shape  dtype    law                     layout
0.weight  6 x 4  float32  U(-0.5, 0.5)            OI
0.bias    6      float32  U(-0.5, 0.5)            O
1.weight  6      float32  every weight is 1
1.bias    6      float32  every weight is 0
2.weight  2 x 6  float32  U(-0.408248, 0.408248)  OI
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch_model.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "torch_model", raising=False)


def test_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    state = torch.random.get_rng_state()
    assert main(["scheme", "torch_model:small", "--json", "a.json"]) == 0
    assert capsys.readouterr().out == TABLE
    assert torch.equal(torch.random.get_rng_state(), state)
    scheme = Scheme.from_json(Path("a.json").read_text(encoding="utf-8"))
    assert str(scheme) + "\n" == TABLE
    assert main(["diff", "a.json", "a.json"]) == 0


def test_a_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", "torch_model:Large"]) == 0
    assert "16 x 4" in capsys.readouterr().out


def test_what_is_no_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scheme", "torch_model:number"]) == 2
    assert "torch_model:number: a scheme is read of a torch.nn.Module. Received: int" in capsys.readouterr().err
