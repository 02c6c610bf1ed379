"""What a module returns, which may be several tensors in tuples and mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from fanin.signal.samples import counted

__all__ = ["outputs_of", "which"]


def outputs_of(returned: Any) -> dict[str, Tensor]:
    """Return the floating-point tensors, if some have gradients those, each once, by where they are.

    Example:
        >>> import torch
        >>> sorted(outputs_of({"logits": torch.ones(2), "hidden": (torch.ones(3), torch.arange(4))}))
        ['hidden.0', 'logits']
    """
    found: dict[str, Tensor] = {}
    _collect(returned, "", found)
    return {path: one for path, one in found.items() if one.requires_grad} or found


def _collect(value: Any, path: str, found: dict[str, Tensor]) -> None:
    if isinstance(value, Tensor):
        if value.is_floating_point() and not any(value is one for one in found.values()):
            found[path or "the output"] = value
        return
    parts: Any = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", range(len(value)))
        parts = zip(names, value, strict=True)
    for key, one in parts:
        _collect(one, f"{path}.{key}" if path else str(key), found)


def which(returned: Any) -> list[str]:
    """Return what to say of what a random direction weighs, in a sentence; nothing of a tensor alone."""
    own = returned.get("loss") if isinstance(returned, Mapping) else None
    if isinstance(own, Tensor):
        return ["The loss is the one that the model returns."]
    outputs = outputs_of(returned)
    return counted(list(outputs)) if not isinstance(returned, Tensor) else []
