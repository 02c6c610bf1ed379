"""What a person's own code raised, in a sentence that names the line of their file."""

from __future__ import annotations

import contextlib
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

from fanin.exceptions import FaninError, FaninValueError

__all__ = ["another_ones_code", "raised"]

_FANIN: Final = (
    "fanin",
    "fanin_kernels",
    "fanin_numpy",
    "fanin_torch",
    "fanin_jax",
    "fanin_keras",
    "_fanin_command",
    "importlib",
)
_LIBRARIES: Final = tuple({Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "purelib", "platlib")})


@contextlib.contextmanager
def another_ones_code(home: str, what: str, hint: str) -> Iterator[None]:
    """Run a person's own code, and make one message of what it raises.

    Errors of fanin pass, and so does what comes from no code but fanin's and its libraries': a mistake of fanin.

    Args:
        home: The module that the code is in.
        what: What ran, as the first words of a sentence: "the model of my.module:build".
        hint: What to do, in a sentence or more.

    Raises:
        FaninValueError: The code raised something.
    """
    try:
        yield
    except (FaninError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # whatever a person's code raises
        if not _place(error, home) and not _ran_model(error):
            raise
        raise FaninValueError(f"{what} raised {raised(error, home)} {hint}") from error


def raised(error: BaseException, home: str) -> str:
    """Return what was raised, where in a person's own code, and its text, as the end of a sentence.

    Args:
        error: What was raised.
        home: The module that their code is in, which may be an installed one.
    """
    place = _place(error, home)
    layer = f" in {layer}" if (layer := _layer(error)) else ""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}{f' at {place}' if place else ''}{layer}{f': {text}' if text else ''}."


def _place(error: BaseException, home: str) -> str:
    """Return the innermost line of their own code as file:line; "" where none of it was running."""
    if isinstance(error, SyntaxError) and error.filename is not None and error.lineno is not None:
        return f"{error.filename}:{error.lineno}"
    own = [f"{frame.f_code.co_filename}:{line}" for frame, line in _frames(error) if _is_theirs(frame, home)]
    return own[-1] if own else ""


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    trace: TracebackType | None = error.__traceback__
    return traceback.walk_tb(trace)


def _is_theirs(frame: FrameType, home: str) -> bool:
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    file = frame.f_code.co_filename
    if package in _FANIN or file.startswith("<"):
        return False
    return package == home.partition(".")[0] or not any(map(Path(file).resolve().is_relative_to, _LIBRARIES))


def _ran_model(error: BaseException) -> bool:
    """Return whether a library's own layers raised it, or torch on the way back through some.

    A model may be put together from them, without a line of its own that runs.
    """
    running = {str(frame.f_globals.get("__name__")) for frame, _ in _frames(error)}
    libraries = {name.partition(".")[0] for name in running}
    is_torch = not running.isdisjoint(("torch.nn.modules.module", "torch.autograd.graph"))
    return is_torch or not libraries.isdisjoint(("flax", "equinox", "haiku"))


def _layer(error: BaseException) -> str:
    """Return the path of the module of torch that was running, and its class; "" where none was.

    A model of `nn.Sequential` has no line of its own that could be named.
    """
    running = [
        frame.f_locals.get("self") for frame, _ in _frames(error) if frame.f_code.co_name == "_call_impl"
    ]  # of torch.nn.Module
    model: Any = running[0] if running else None
    if len(running) < 2 or not hasattr(model, "named_modules"):
        return ""
    path = next((path for path, one in model.named_modules() if one is running[-1]), "")
    return f"its layer {path} ({type(running[-1]).__name__})" if path else ""
