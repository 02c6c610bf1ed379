"""Reading X and y from an .npz file, with a message of our own for whatever else the file may be."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError

__all__ = ["ACCEPTED", "read_npz"]

_WRITE: Final = "numpy.savez(path, X=inputs, y=labels) writes one."
ACCEPTED: Final = f'Accepted: "digits", or the path of an .npz file with arrays X and y. {_WRITE}'
_ERRORS: Final = (
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    struct.error,
)
"""What NumPy and zipfile raise at a member that is damaged, encrypted, or was never an array."""


def read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the arrays X and y of a file; nothing in it is executed.

    Raises:
        FaninValueError: There is no such file, it is no .npz file, it is damaged, X or y is missing, or one of them is
            no array of plain values.
    """
    received = f"Received: {str(path)!r}"
    if path.is_dir():
        raise FaninValueError(f"the dataset is a folder, and must be a file. {received}. {ACCEPTED}")
    try:
        with path.open("rb") as file:
            if fault := _no_archive(file):
                raise FaninValueError(f"the dataset is no .npz file: {fault}. {received}. {ACCEPTED}")
            with np.load(file, allow_pickle=False) as archive:
                if missing := [name for name in ("X", "y") if name not in archive.files]:
                    holds = ", ".join(archive.files) or "nothing"
                    raise FaninValueError(
                        f"the dataset lacks {' and '.join(missing)}. {received}, which holds {holds}. {ACCEPTED}"
                    )
                return _member(archive, "X", received), _member(archive, "y", received)
    except FileNotFoundError as error:
        raise FaninValueError(f"there is no such dataset. {received}, and no file has this name. {ACCEPTED}") from error
    except OSError as error:
        raise FaninValueError(f"the dataset cannot be read: {error.strerror or error}. {received}.") from error
    except zipfile.BadZipFile as error:
        raise FaninValueError(f"the dataset is damaged: {error}. {received}. Write it anew.") from error


def _no_archive(file: BinaryIO) -> str:
    """Return why a file is no archive, or nothing; leave it at its start."""
    start = file.read(6)
    whole = zipfile.is_zipfile(file)
    file.seek(0)
    if not start:
        return "it is empty"
    if start == b"\x93NUMPY":
        return "it is an .npy file, of one array without a name"
    if not start.startswith(b"PK"):
        return "its first bytes are those of something else"
    return "" if whole else "its end is missing"


def _member(archive: Any, name: str, received: str) -> NDArray[Any]:
    try:
        array: Any = archive[name]
    except MemoryError as error:
        raise FaninValueError(
            f"the dataset's {name} does not fit into memory. {received}. Use a part of it."
        ) from error
    except _ERRORS as error:
        if "Object arrays" not in str(error):
            raise FaninValueError(f"the dataset's {name} is damaged. {received}. Write it anew.") from error
        plain = "inputs.astype(float)" if name == "X" else "labels.astype(str)"
        raise FaninValueError(
            f"the dataset's {name} holds Python objects, which are not read, for they could run a program. {received}. "
            f"Accepted: numbers, and for y text too. Save it as {name}={plain}."
        ) from error
    if not isinstance(array, np.ndarray):  # such a member comes as bytes
        raise FaninValueError(f"the dataset's {name} was not written by NumPy. {received}. {_WRITE}")
    return array
