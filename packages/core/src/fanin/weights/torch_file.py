"""Files of `torch.save`: mapped into memory, and read without running code."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

from fanin.exceptions import FaninValueError
from fanin.weights.libraries import library

__all__ = ["open_torch_file"]


def open_torch_file(path: Path) -> object:
    """Return what a file holds, its tensors on the CPU.

    A file in the format before torch 1.6 cannot be mapped, and is read into memory.

    Raises:
        FaninValueError: It cannot be read, was cut off, or holds more than tensors and plain containers.
        LibraryMissingError: torch is not installed.
    """
    torch = library("torch", f"{str(path)!r}, a file of torch.save,", '"fanin[torch]"')
    with path.open("rb") as file:
        mapped = file.read(4) == b"PK\x03\x04"
    try:
        found: object = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        first = " ".join(str(error).split())
        reason = _refused(first)
        raise FaninValueError(
            f"{str(path)!r} is not read: {reason}. Accepted: tensors in plain containers, which are read without "
            f"running code. Save model.state_dict() instead of the model."
        ) from error
    except Exception as error:  # torch raises many kinds for a broken file
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise FaninValueError(
            f"{str(path)!r} is no file of torch.save, or was cut off: {what}. Copy or download it again."
        ) from error
    return found


def _refused(message: str) -> str:
    """Return what torch's loader says of a pickle, without its advice to trust the file."""
    found = re.search(r"(?:GLOBAL|class) ([\w.]+\w)", message)
    return f"its pickle would run {found[1]}" if found else "its pickle holds more"
