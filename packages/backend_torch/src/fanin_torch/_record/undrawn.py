"""Building without drawing: random operations are put off, and never carried out unless something reads the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from fanin_torch._record.leaves import leaves_of

__all__ = ["Undrawn"]

_NEW: Final = frozenset({"randn", "rand", "randn_like", "rand_like"})
_IN_PLACE: Final = frozenset({"normal_", "uniform_"})
_COPIES: Final = frozenset({"clone", "_to_copy"})
_REPLACING: Final = frozenset({"zero_", "fill_", "copy_"})


class Undrawn:
    """Which storages hold no numbers yet, and what is to be done where their numbers are needed after all.

    They are needed by code that decomposes a matrix, or decides by them: with whatever lies in fresh memory, a
    decomposition may fail, and a loop over rejected numbers may have no end. Such numbers come from a generator of
    the recording's own; nothing of them is in the model's weights, which are drawn afterwards.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Callable[[], object]]] = {}
        self._generators: dict[torch.device, torch.Generator] = {}

    def stand_in(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what takes the place of an operation's result, or NotImplemented where it is to be carried out."""
        name = func._schema.name.partition("::")[2]
        if name in _NEW:
            return self._new(func, name, args, kwargs)
        first = args[0] if args and isinstance(args[0], Tensor) else None
        if first is not None and name in _IN_PLACE:
            return self._put_off(first, lambda: self._drawn(func, args, kwargs), first.is_contiguous())
        waiting = [leaf for leaf in leaves_of((args, kwargs)) if isinstance(leaf, Tensor) and self._waits(leaf)]
        if waiting and not _is_view(func):
            if name in _COPIES:
                return self._copy(name, args[0], kwargs)
            if first is not None and name.endswith("_") and len(func._schema.returns) == 1:
                whole = name in _REPLACING and first.numel() * first.element_size() == first.untyped_storage().nbytes()
                if not whole or any(map(self._waits, args[1:])):
                    return self._put_off(first, lambda: self._settled(args[1:], func, args, kwargs), whole)
                self._waiting.pop(_key(first), None)
                return NotImplemented
            self.settle(waiting)
        if torch.Tag.nondeterministic_seeded in func.tags:
            return self._drawn(func, args, kwargs)
        return NotImplemented

    def defer(self, tensor: Tensor, call: Callable[..., object], *settings: Any) -> None:
        """Put off a function that fills a tensor and takes a generator."""
        self._put_off(tensor, lambda: call(tensor, *settings, generator=self._generator(tensor.device)), True)

    def settle(self, tensors: list[Tensor]) -> None:
        """Carry out what was put off for some tensors."""
        for tensor in tensors:
            for call in self._waiting.pop(_key(tensor), []):
                with _disable_current_modes(), torch.no_grad():
                    call()

    def _waits(self, leaf: object) -> bool:
        return isinstance(leaf, Tensor) and leaf.layout is torch.strided and _key(leaf) in self._waiting

    def _put_off(self, tensor: Tensor, call: Callable[[], object], replaces: bool) -> Tensor:
        if not tensor.is_meta:
            whole = replaces and tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()
            before = [] if whole else self._waiting.get(_key(tensor), [])
            self._waiting[_key(tensor)] = [*before, call]
        return tensor

    def _settled(self, needed: tuple[Any, ...], func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.settle([leaf for leaf in leaves_of(needed) if self._waits(leaf)])
        self._drawn(func, args, kwargs)

    def _drawn(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out an operation, with the recording's own generator where it takes one."""
        device = next((leaf.device for leaf in leaves_of(args) if isinstance(leaf, Tensor)), kwargs.get("device"))
        if any(argument.name == "generator" for argument in func._schema.arguments):
            kwargs = {**kwargs, "generator": self._generator(torch.device(device or "cpu"))}
        elif isinstance(overload := _with_generator(func), torch._ops.OpOverload):
            return overload(*args, **{**kwargs, "generator": self._generator(torch.device(device or "cpu"))})
        return func(*args, **kwargs)

    def _generator(self, device: torch.device) -> torch.Generator | None:
        if device.type == "meta":
            return None
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(0)
        return self._generators[device]

    def _new(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        settings = {key: value for key, value in kwargs.items() if key not in ("generator", "names")}
        made = torch.empty_like(args[0], **settings) if name.endswith("_like") else torch.empty(args[0], **settings)
        fill = made.normal_ if name.startswith("randn") else made.uniform_
        return self._put_off(made, lambda: fill(generator=self._generator(made.device)), True)

    def _copy(self, name: str, source: Tensor, kwargs: dict[str, Any]) -> Tensor:
        settings = {key: value for key, value in kwargs.items() if key != "non_blocking" and value is not None}
        made = torch.empty_like(source, **settings)

        def copy() -> None:
            self.settle([source])
            made.copy_(source)

        return self._put_off(made, copy, True)


def _key(tensor: Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key


def _is_view(func: Any) -> bool:
    """Return whether an operator's result is a view of an argument."""
    return any(result.alias_info is not None and not result.alias_info.is_write for result in func._schema.returns)


def _with_generator(func: Any) -> object:
    """Return the overload of a random operator that takes a generator, or None: torch.randint has two of each."""
    own = func._overloadname
    return getattr(func.overloadpacket, "generator" if own == "default" else f"{own}_generator", None)
