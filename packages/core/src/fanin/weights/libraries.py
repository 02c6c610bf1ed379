"""Libraries that a format needs, imported when such a source is read, with one error where one is absent."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from fanin.exceptions import FaninError

__all__ = ["LibraryMissingError", "library"]


class LibraryMissingError(FaninError, ImportError):
    """A library that reads a format is not installed; the message holds the command that installs it."""


def library(name: str, what: str, install: str) -> Any:
    """Import a module of a library.

    Args:
        name: The module.
        what: What needs it.
        install: What pip shall install.

    Raises:
        LibraryMissingError: It is not installed, or does not import.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever a library raises while it is imported
        home = name.partition(".")[0]
        if isinstance(error, ImportError) and not _installed(home):
            reason = f"{home}, which is not installed. Run: pip install {install}."
        else:
            what_failed = f"{type(error).__name__}: {' '.join(str(error).split())}"
            reason = f"{name}, which does not import: {what_failed}. Run: pip install --upgrade {install}."
        raise LibraryMissingError(f"{what} needs {reason}") from error


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # sys.modules has None for it
        return False
