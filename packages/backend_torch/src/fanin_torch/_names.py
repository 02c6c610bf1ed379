"""The names of a module's tensors: its own path, whatever the module was wrapped in, and one name for tied ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from fanin.models.names import plain_name

__all__ = ["Named", "named_tensors", "parallel_paths"]

_PARALLEL: Final = frozenset({"DataParallel", "DistributedDataParallel"})
"""Classes whose one child is called `module`."""


@dataclass(slots=True)
class Named:
    """A parameter or buffer of a module.

    Attributes:
        tensor: The tensor.
        names: Its names, the path of each module that holds it; the first is the one that was registered first.
        paths: The same names as the module has them, with what wrappers put into them.
        places: Where it is registered: the module and the attribute.
        is_buffer: Whether it is a buffer.
    """

    tensor: Tensor
    names: list[str]
    paths: list[str]
    places: list[tuple[nn.Module, str]]
    is_buffer: bool

    @property
    def stream(self) -> str:
        """The name of its stream: of tied names the first in the alphabet, whatever was registered first."""
        return min(self.names)


def parallel_paths(model: nn.Module) -> frozenset[str]:
    """Return the paths of the modules that are wrapped for data parallelism."""
    return frozenset(path for path, module in model.named_modules() if type(module).__name__ in _PARALLEL)


def named_tensors(model: nn.Module, prefix: str = "") -> list[Named]:
    """Return every parameter and buffer of a module once, with all of its names.

    Args:
        model: The module, wrapped or not.
        prefix: What stands before each name, for a module that is a part of another: "encoder".
    """
    parallel = parallel_paths(model)
    found: dict[int, Named] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        words = [word for word in (prefix, plain_name(path, parallel)) if word]
        for key, tensor, is_buffer in _own(module):
            name = ".".join((*words, key))
            one = found.get(id(tensor))
            if one is None:
                one = found[id(tensor)] = Named(tensor, [], [], [], is_buffer)
            if name not in one.names:
                one.names.append(name)
                one.paths.append(f"{path}.{key}" if path else key)
                one.places.append((module, key))
    return list(found.values())


def _own(module: nn.Module) -> Iterator[tuple[str, Tensor, bool]]:
    for key, parameter in module._parameters.items():
        if parameter is not None:
            yield key, parameter, False
    for key, buffer in module._buffers.items():
        if buffer is not None:
            yield key, buffer, True
