"""Files of `numpy.savez`: arrays in a zip. Those that are not compressed are mapped into memory."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Region
from fanin.weights.numbers import bits_of
from fanin.weights.signatures import first_sentence, likeness
from fanin.weights.tensor import Tensor, index_of, whole_of

__all__ = ["open_npz"]

_LOCAL_HEADER = 30
"""Bytes of a member's own header in a zip, before its name."""


def open_npz(path: Path) -> list[Tensor]:
    """Return the arrays of a file.

    Raises:
        FaninValueError: It cannot be read, was cut off, is no zip of arrays, or holds Python objects.
    """
    with _readable(path), zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
        found = [_tensor(path, archive, member) for member in members]
    if not found:
        raise FaninValueError(f"{str(path)!r} has no arrays, which are members *.npy of a zip.{likeness(path, '.npz')}")
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what is raised for a file that cannot be read, or is broken, into one kind of error.

    Raises:
        FaninValueError: Something was.
    """
    try:
        yield
    except OSError as error:
        raise FaninValueError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        if isinstance(error, FaninValueError):
            raise
        raise FaninValueError(
            f"{str(path)!r} is no file of numpy.savez, or was cut off: {first_sentence(error)}."
            f"{likeness(path, '.npz') or ' Copy or download it again.'}"
        ) from error


def _tensor(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        shape, fortran, dtype = _header(file)
        begin = file.tell()
    if dtype.hasobject or dtype.kind in "SUMmV":
        raise FaninValueError(
            f"{str(path)!r}: weights are numbers. Received: {name!r} of dtype {dtype}"
            f"{', which is a pickle that could run code' if dtype.hasobject else ''}. Save it with a dtype of numbers."
        )
    if member.file_size != begin + math.prod(shape) * dtype.itemsize:
        raise FaninValueError(
            f"{str(path)!r} is broken: {name!r} has {member.file_size - begin} bytes, and shape {shape} of {dtype} has "
            f"{math.prod(shape) * dtype.itemsize}. Copy or download it again."
        )
    order: Literal["F", "C"] = "F" if fortran else "C"

    def fetch(region: Region) -> NDArray[Any]:
        if member.compress_type == zipfile.ZIP_STORED and member.file_size > begin:
            with path.open("rb") as file:
                file.seek(member.header_offset)
                header = file.read(_LOCAL_HEADER)
            sizes = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            start = member.header_offset + _LOCAL_HEADER + sizes + begin
            whole: NDArray[Any] = np.memmap(path, dtype, "r", start, shape, order)
        else:
            whole = _unpacked(path, member.filename)
        return bits_of(whole)[index_of(region)]

    return Tensor(name, shape, dtype.name, fetch, (whole_of(shape),))


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return tuple(shape), bool(fortran), dtype


@lru_cache(maxsize=1)
def _unpacked(path: Path, name: str) -> NDArray[Any]:
    """Return a compressed array as a whole; the last one is kept, since it is read by slices."""
    with _readable(path), zipfile.ZipFile(path) as archive:
        array: NDArray[Any] = npy.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    return array
