"""Text files that the command line reads and writes, with one error for whatever is wrong with one."""

from __future__ import annotations

from pathlib import Path

from fanin.exceptions import FaninValueError

__all__ = ["read_text", "write_text"]


def read_text(path: str) -> str:
    """Return a file's text.

    Raises:
        FaninValueError: It cannot be read, or is no text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FaninValueError(f"{path!r} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # no UTF-8, or a name that no file can have
        raise FaninValueError(f"{path!r} is no text file: {error}.") from error


def write_text(path: str, text: str) -> None:
    """Write a file.

    Raises:
        FaninValueError: It cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        raise FaninValueError(f"{path!r} cannot be written: {getattr(error, 'strerror', None) or error}.") from error
