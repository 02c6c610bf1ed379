"""An object by the name of its module and its own, which a person's code may hold."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from fanin._checks import closest
from fanin._raised import raised
from fanin.exceptions import FaninValueError

__all__ = ["named"]


def named(home: str, name: str, accepted: str) -> Any:
    """Return an object of a module, which may be one in the current folder, as for `python -m`.

    Args:
        home: The module.
        name: The object, with dots for its parts.
        accepted: What a message says is accepted.

    Raises:
        FaninValueError: The module cannot be imported, or has no such object.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module: Any = importlib.import_module(home)
    except (Exception, SystemExit) as error:  # whatever a module's code raises
        absent = isinstance(error, ModuleNotFoundError) and error.name == home.partition(".")[0]
        hint = f" There is no such module in {here} or among what is installed." if absent else ""
        what = raised(error, home)
        raise FaninValueError(f"module {home!r} could not be imported: {what}{hint} Accepted: {accepted}.") from error
    found = module
    for word in name.split("."):
        if not hasattr(found, word):
            raise FaninValueError(f"module {home!r} has no {name!r}.{closest(name, vars(module))}")
        found = getattr(found, word)
    return found
