"""Planted faults: each is found, is named rightly, and is the only finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import fanin
import fanin.auditing

from .faults import FAULTS
from .files import write_npz, write_safetensors, write_shards
from .models import SCHEMES, Arrays, drawn


def findings(model: str, weights: object, mode: str) -> list[fanin.auditing.Finding]:
    scheme = SCHEMES[model] if mode != "bare" else None
    return list(fanin.audit(weights, scheme).findings)


SOURCES: Final[dict[str, Callable[[Arrays, Path], object]]] = {
    "memory": lambda weights, folder: weights,
    "npz": write_npz,
    "safetensors": write_safetensors,
    "shards": write_shards,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_found_and_named_alone(case: str, source: str, tmp_path: Path) -> None:
    """In memory, and in files of several formats."""
    fault = FAULTS[case]
    rng = np.random.default_rng(20)
    weights = drawn(SCHEMES[fault.model], rng)
    before = [str(one) for one in findings(fault.model, weights, fault.mode)]
    fault.plant(weights, rng)
    there = SOURCES[source](weights, tmp_path)
    found = [one for one in findings(fault.model, there, fault.mode) if str(one) not in before]
    assert [(one.kind, one.severity) for one in found] == [(fault.kind, fault.severity)], "\n".join(map(str, found))
    assert set(found[0].parameters) == set(fault.parameters)
    assert fault.text in str(found[0])
