"""A scheme of a whole model, written into one of its parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fanin.exceptions import FaninValueError
from fanin_torch import init_module_, record


def _model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 5), nn.Sequential(nn.Linear(5, 2), nn.Linear(2, 7)))


def test_a_part_gets_what_the_whole_gives_it() -> None:
    with record() as recording:
        model = _model()
    scheme = recording.scheme(model)
    init_module_(model, scheme, seed=3)
    part = init_module_(_model()[1], scheme, seed=3, prefix="1")
    expected = model[1].state_dict()
    assert [*part.state_dict()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    for name, tensor in part.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_a_scheme_must_have_all_of_the_part_and_nothing_else_of_it() -> None:
    with record() as recording:
        model = _model()
    scheme = recording.scheme(model)
    part = nn.Sequential(nn.Linear(5, 2))
    before = {name: tensor.clone() for name, tensor in part.state_dict().items()}
    with pytest.raises(FaninValueError, match=r"the scheme's 1\.1\.weight is not in the module"):
        init_module_(part, scheme, prefix="1")
    with pytest.raises(FaninValueError, match=r"2\.0\.weight is not in the scheme"):
        init_module_(part, scheme, prefix="2")
    assert all(torch.equal(tensor, before[name]) for name, tensor in part.state_dict().items())
