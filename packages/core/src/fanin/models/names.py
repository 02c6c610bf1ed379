"""The name of a tensor whatever its model was wrapped in."""

from __future__ import annotations

from typing import Final

__all__ = ["plain_name"]

_WRAPPERS: Final = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""What torch.compile, FSDP and activation checkpointing call the module that they wrap."""


def plain_name(name: str, parallel: frozenset[str] = frozenset()) -> str:
    """Return a path without the names that wrappers put into it.

    Args:
        name: The path.
        parallel: Paths of the modules that are wrapped for data parallelism, each of which has a child `module`.

    Example:
        >>> plain_name("_orig_mod.layers.0._checkpoint_wrapped_module.fc.weight")
        'layers.0.fc.weight'
        >>> plain_name("module.fc.weight", frozenset({""}))
        'fc.weight'
    """
    kept: list[str] = []
    path = ""
    for word in name.split("."):
        if word not in _WRAPPERS and not (word == "module" and path in parallel):
            kept.append(word)
        path = f"{path}.{word}" if path else word
    return ".".join(kept)
