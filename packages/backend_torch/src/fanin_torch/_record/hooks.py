"""Functions of torch.nn.init that are one law and many operations: a tape sees each as one operation.

Libraries bind these functions' names when they are imported, so their code is exchanged and not their names. The
truncated normal is a loop over rejected numbers, whose length depends on the numbers. The orthogonal, sparse and Dirac
matrices are made by a decomposition, a permutation per column, and an assignment per channel. On the meta device some
of them do nothing at all.
"""

from __future__ import annotations

import inspect
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from fanin_torch._record.tape import Tape

__all__ = ["current_tape", "hooked"]

_init: Final = nn.init
_local: Final = threading.local()
_lock: Final = threading.Lock()
_undo: Final[list[Callable[[], None]]] = []
_entered = 0

_DIRECTLY: Final = "_no_grad_trunc_normal_"
"""Looked up in its module at each call, so it can be replaced by name."""

_BY_CODE: Final = ("orthogonal_", "sparse_", "dirac_")
"""Functions whose code is exchanged."""

_LEAST_AXES: Final = {"trunc_normal_": 0, "orthogonal_": 2, "sparse_": 2, "dirac_": 3}
"""Fewer axes are an error, of which the function itself speaks."""


def _tapes() -> list[Tape]:
    tapes: list[Tape] = _local.__dict__.setdefault("tapes", [])
    return tapes


def current_tape() -> Tape | None:
    """Return the innermost recording of this thread."""
    return next(reversed(_tapes()), None)


def _call(name: str, original: Callable[..., Any], tensor: Tensor, *settings: Any, **more: Any) -> Any:
    """Do what a function of torch.nn.init does, seen by this thread's tape as one operation."""
    tape = current_tape()
    if tape is None or tensor.ndim < _LEAST_AXES[name] or tensor.numel() == 0:
        return original(tensor, *settings, **more)
    tape.note_hook(name, tensor, settings)
    if tensor.is_meta:
        return tensor
    if name != "dirac_" and not all(one.draws for one in _tapes()):
        tape.undrawn.defer(tensor, original, *settings)
        return tensor
    with _disable_current_modes():
        return original(tensor, *settings, **more)


def _install() -> None:
    trunc = getattr(_init, _DIRECTLY)

    def truncated(tensor: Tensor, mean: float, std: float, a: float, b: float, **more: Any) -> Any:
        return _call("trunc_normal_", trunc, tensor, mean, std, a, b, **more)

    setattr(_init, _DIRECTLY, truncated)
    _undo.append(lambda: setattr(_init, _DIRECTLY, trunc))
    originals: dict[str, Callable[..., Any]] = {}
    for name in _BY_CODE:
        function = getattr(_init, name)
        code = function.__code__
        originals[name] = types.FunctionType(code, vars(_init), name, function.__defaults__)
        parameters = list(inspect.signature(function).parameters)  # torch's versions differ by a generator
        passed = [f"{one}={one}" if one == "generator" else one for one in parameters]
        scope: dict[str, Any] = {}
        exec(f"def {name}({', '.join(parameters)}): return _fanin_hook({name!r}, {', '.join(passed)})", scope)
        function.__code__ = scope[name].__code__
        _undo.append(lambda function=function, code=code: setattr(function, "__code__", code))  # type: ignore[misc]

    pickled = Tensor._reduce_ex_internal

    def reduced(tensor: Tensor, protocol: Any) -> Any:
        tape = current_tape()
        if tape is not None:
            tape.note_read(tensor)
        return pickled(tensor, protocol)  # type: ignore[no-untyped-call]

    Tensor._reduce_ex_internal = reduced  # type: ignore[method-assign]
    _undo.append(lambda: setattr(Tensor, "_reduce_ex_internal", pickled))

    def hook(name: str, tensor: Tensor, *settings: Any, **more: Any) -> Any:
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
