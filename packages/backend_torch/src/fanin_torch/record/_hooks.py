"""Functions of torch.nn.init that are one law and many operations: a tape sees each as one operation.

Libraries bind these functions' names when they are imported, so their code is exchanged and not their names. The
truncated normal is a loop over rejected numbers, whose length depends on the numbers. The orthogonal, sparse and Dirac
matrices are made by a decomposition, a permutation per column, and an assignment per channel. On the meta device some
of them do nothing at all.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from fanin_torch.record._tape import Tape

__all__ = ["hooked"]

_init: Final = nn.init
_local: Final = threading.local()
_lock: Final = threading.Lock()
_undo: Final[list[Callable[[], None]]] = []
_entered = 0

_DIRECTLY: Final = "_no_grad_trunc_normal_"
"""Looked up in its module at each call, so it can be replaced by name."""

_BY_CODE: Final = {
    "orthogonal_": ("tensor, gain=1, generator=None", "tensor, gain, generator=generator"),
    "sparse_": ("tensor, sparsity, std=0.01, generator=None", "tensor, sparsity, std, generator=generator"),
    "dirac_": ("tensor, groups=1", "tensor, groups"),
}
"""Functions whose code is exchanged: their parameters, and what is passed on."""


def _tapes() -> list[Tape]:
    tapes: list[Tape] = _local.__dict__.setdefault("tapes", [])
    return tapes


def _call(name: str, original: Callable[..., Any], tensor: Tensor, *settings: Any, **more: Any) -> Any:
    """Do what a function of torch.nn.init does, seen by this thread's tape as one operation."""
    tapes = _tapes()
    if not tapes:
        return original(tensor, *settings, **more)
    tape = tapes[-1]
    ref = tape.ref(tensor, replaced=True)
    tape.note(f"init.{name}", None, (ref, *settings), {}, [], [ref])
    if tape.draws or name == "dirac_":
        with _disable_current_modes():
            return original(tensor, *settings, **more)
    return tensor


def _install() -> None:
    trunc = getattr(_init, _DIRECTLY)

    def truncated(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any = None) -> Any:
        return _call("trunc_normal_", trunc, tensor, mean, std, a, b, generator=generator)

    setattr(_init, _DIRECTLY, truncated)
    _undo.append(lambda: setattr(_init, _DIRECTLY, trunc))
    originals: dict[str, Callable[..., Any]] = {}
    for name, (parameters, passed) in _BY_CODE.items():
        function = getattr(_init, name)
        code = function.__code__
        originals[name] = types.FunctionType(code, vars(_init), name, function.__defaults__)
        scope: dict[str, Any] = {}
        exec(f"def {name}({parameters}): return _fanin_hook({name!r}, {passed})", scope)
        function.__code__ = scope[name].__code__
        _undo.append(lambda function=function, code=code: setattr(function, "__code__", code))  # type: ignore[misc]

    def hook(name: str, tensor: Tensor, *settings: Any, **more: Any) -> Any:
        if more.get("generator") is None:
            more.pop("generator", None)
        return _call(name, originals[name], tensor, *settings, **more)

    vars(_init)["_fanin_hook"] = hook
    _undo.append(lambda: vars(_init).pop("_fanin_hook"))


@contextmanager
def hooked(tape: Tape) -> Iterator[None]:
    """Let this thread's tape see each of these functions as one operation; the last one out restores them."""
    global _entered
    with _lock:
        if not _entered:
            _install()
        _entered += 1
    _tapes().append(tape)
    try:
        yield
    finally:
        _tapes().remove(tape)
        with _lock:
            _entered -= 1
            if not _entered:
                while _undo:
                    _undo.pop()()
