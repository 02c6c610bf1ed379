"""Which blocks of a distributed tensor this process holds: the rule that reading weights has too."""

from __future__ import annotations

from fanin.weights.sharded import Block, local_blocks

__all__ = ["Block", "local_blocks"]
