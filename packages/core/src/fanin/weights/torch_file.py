"""Files of `torch.save`: mapped into memory, and read without running code."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Final

from fanin.exceptions import FaninValueError
from fanin.weights.libraries import library
from fanin.weights.signatures import first_sentence, likeness

__all__ = ["open_torch_file"]

_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = b"\x80"
"""The first bytes of a file: as torch saves it, and as it did before torch 1.6."""


def open_torch_file(path: Path) -> object:
    """Return what a file holds, its tensors on the CPU.

    A file in the format before torch 1.6 cannot be mapped, and is read into memory.

    Raises:
        FaninValueError: It cannot be read, was cut off, or holds more than tensors and plain containers.
        LibraryMissingError: torch is not installed.
    """
    torch = library("torch", f"{str(path)!r}, a file of torch.save,", '"fanin[torch]"')
    with path.open("rb") as file:
        begin = file.read(4)
    mapped = begin == _ZIP
    try:
        with warnings.catch_warnings():  # of a pickle that no torch wrote, of which the error says enough
            warnings.simplefilter("ignore")
            found: object = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if not begin.startswith((_ZIP, _PICKLE)):
            raise _no_file(path, begin, error) from error
        first = " ".join(str(error).split())
        reason = _refused(first)
        raise FaninValueError(
            f"{str(path)!r} is not read: {reason}. Accepted: tensors in plain containers, which are read without "
            f"running code. Save model.state_dict() instead of the model."
        ) from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise _no_file(path, begin, error) from error
    return found


def _no_file(path: Path, begin: bytes, error: Exception) -> FaninValueError:
    """Return the error of a file that is none, or was cut off."""
    if begin.startswith((_ZIP, _PICKLE)):
        what = f"or was cut off: {first_sentence(error)}"
    else:
        what = f"whatever its name says: it begins with {begin!r}, neither as a zip nor as a pickle"
    again = likeness(path, ".pt") or " Copy or download it again."
    return FaninValueError(f"{str(path)!r} is no file of torch.save, {what}.{again}")


def _refused(message: str) -> str:
    """Return what torch's loader says of a pickle, without its advice to trust the file."""
    found = re.search(r"(?:GLOBAL|class) ([\w.]+\w)", message)
    return f"its pickle would run {found[1]}" if found else "its pickle holds more"
