"""Ties that a recording knows, held against a model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fanin
from fanin.auditing import Finding
from fanin_torch import record


class Language(nn.Module):
    """A table and a head that is tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(60, 24)
        self.head = nn.Linear(24, 60, bias=False)
        self.head.weight = self.table.weight


def audited(model: nn.Module) -> list[Finding]:
    with record(draw=False) as recording:
        known = Language()
    return list(fanin.audit(model, recording.scheme(known)).findings)


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_tie_that_holds_is_no_fault(is_copied: bool) -> None:
    """In memory, or as two equal tensors, as a file may have it."""
    model = Language()
    if is_copied:
        model.head.weight = nn.Parameter(model.table.weight.detach().clone())
    assert audited(model) == []


@pytest.mark.parametrize("is_fresh", [False, True])
def test_a_tie_that_is_lost_is_an_error(is_fresh: bool) -> None:
    model = Language()
    model.head.weight = nn.Parameter(model.table.weight.detach().clone())
    with torch.no_grad():
        model.head.weight[3, 4] += 1.0
        if is_fresh:
            model.head.weight.normal_()
    (found,) = audited(model)
    assert (found.severity, found.kind, found.parameters) == ("error", "untied", ("head.weight", "table.weight"))
    assert "head.weight and table.weight differ, and are one tensor in the model" in str(found)
