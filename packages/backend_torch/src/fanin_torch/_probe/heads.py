"""Which layers are heads: those whose outputs reach no other layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fanin_torch._probe.runs import Run

__all__ = ["heads_of"]


def heads_of(found: Sequence[Run]) -> list[bool]:
    """Return of each run whether nothing that other layers were called with was computed from its outputs.

    The graph for the derivatives says so; what runs without one is no head.
    """
    waiting = [node for run in found for node in run.behind]
    reached: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += [before for before, _ in node.next_functions if before is not None]
    return [run.node is not None and run.node not in reached for run in found]
