"""Files of safetensors, and indices of several: a header of JSON, and the bytes of each tensor, mapped into memory.

The format is read here and not by its library, which does not give the bits of every dtype to NumPy:
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import mmap
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Region
from fanin.weights.numbers import bits_dtype
from fanin.weights.signatures import likeness
from fanin.weights.tensor import Tensor, index_of, whole_of

__all__ = ["open_safetensors", "open_safetensors_index"]

_DTYPES: Final = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}

_LONGEST: Final = 100_000_000
"""Bytes of a header: the library's own bound."""


def open_safetensors(path: Path) -> list[Tensor]:
    """Return the tensors of a file.

    Raises:
        FaninValueError: It cannot be read, was cut off, or is no file of safetensors.
    """
    shown = repr(str(path))
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            if not size:
                raise FaninValueError(f"{shown} is empty: it has 0 bytes. {_AGAIN}")
            if size < 8 or not 0 < length <= min(_LONGEST, size - 8):
                reason = f"its first 8 bytes say that {length} bytes of header follow, and the file has {size} bytes"
                again = likeness(path, ".safetensors") or f" {_AGAIN}"
                raise FaninValueError(f"{shown} is no file of safetensors, or was cut off: {reason}.{again}")
            text = file.read(length)
    except OSError as error:
        raise FaninValueError(f"{shown} cannot be read: {error.strerror or error}.") from error
    try:
        header = json.loads(text)
        records = {name: record for name, record in header.items() if name != "__metadata__"}
        ends = [int(record["data_offsets"][1]) for record in records.values()]
    except (ValueError, RecursionError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise FaninValueError(f"{shown} is no file of safetensors: its header is not one. {_AGAIN}") from error
    begin = 8 + length
    if begin + max(ends, default=0) > size:
        raise FaninValueError(
            f"{shown} was cut off: its header promises {begin + max(ends)} bytes, and it has {size}. {_AGAIN}"
        )
    if not records:
        raise FaninValueError(f"{shown} has no tensors.")
    memory: NDArray[Any] = np.memmap(path, np.uint8, "r") if begin < size else np.empty(0, np.uint8)
    return [_tensor(name, record, memory, begin, path) for name, record in records.items()]


_LARGE: Final = 1 << 20
"""Bytes of a tensor above which it is mapped each time that a part of it is read."""

_BLOCK: Final = 8 << 20
"""Bytes that are read ahead: two blocks, each time that one begins."""

_WILL_NEED: Final = getattr(mmap, "MADV_WILLNEED", None)

_AGAIN: Final = "Copy or download it again."


def _tensor(name: str, record: dict[str, Any], memory: NDArray[Any], begin: int, path: Path) -> Tensor:
    """Return a tensor of a file.

    Raises:
        FaninValueError: Its record in the header is wrong.
    """
    shown = repr(str(path))
    try:
        shape = tuple(map(int, record["shape"]))
        start, stop = map(int, record["data_offsets"])
        kind = str(record["dtype"])
    except (KeyError, TypeError, ValueError) as error:
        raise FaninValueError(f"{shown}: the header's record of {name!r} is wrong: {record}. {_AGAIN}") from error
    dtype = _DTYPES.get(kind)
    if dtype is None:  # of 4 or 6 bits, say: it is there, and nothing here can read it

        def refuse(region: Region) -> NDArray[Any]:
            raise FaninValueError(
                f"{name} has the dtype {kind}, which is not read. Accepted: {', '.join(_DTYPES)}. Convert it, or leave "
                f"it out."
            )

        return Tensor(name, shape, kind, refuse, (whole_of(shape),))
    stored = bits_dtype(dtype).newbyteorder("<")
    if not 0 <= start <= stop:
        raise FaninValueError(f"{shown}: the header puts {name!r} at the bytes {start} to {stop}. {_AGAIN}")
    if min(shape, default=0) < 0 or stop - start != math.prod(shape) * stored.itemsize:
        raise FaninValueError(
            f"{shown}: the header gives {name!r} {stop - start} bytes, and shape {shape} of {kind} has "
            f"{math.prod(shape) * stored.itemsize}. {_AGAIN}"
        )

    def fetch(region: Region) -> NDArray[Any]:
        # A view of bytes may lie at any address; NumPy copies what is not aligned.
        if stop - start > _LARGE:  # a mapping of its own, so that its pages do not stay when the piece has been used
            whole = _mapped(path, begin + start, shape, stored, region)
        else:
            whole = np.ndarray(shape, stored, memory, begin + start) if stop > start else np.empty(shape, stored)
        return whole[index_of(region)]

    return Tensor(name, shape, dtype, fetch, (whole_of(shape),), is_mapped=True)


def _mapped(path: Path, begin: int, shape: tuple[int, ...], dtype: np.dtype[Any], region: Region) -> NDArray[Any]:
    """Return a tensor of a file, mapped into memory: np.memmap does it too, and takes several times as long."""
    first = begin % mmap.ALLOCATIONGRANULARITY
    size = math.prod(shape) * dtype.itemsize
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), first + size, access=mmap.ACCESS_READ, offset=begin - first)
    _read_ahead(mapping, first, shape, dtype.itemsize, region)
    return np.ndarray(shape, dtype, mapping, first)


def _read_ahead(mapping: mmap.mmap, begin: int, shape: tuple[int, ...], size: int, region: Region) -> None:
    """Ask the system to read what follows, where a region reaches the next block: page by page takes far longer."""
    if _WILL_NEED is None or not region:
        return
    first = size * sum(start * math.prod(shape[k + 1 :]) for k, (start, _) in enumerate(region))
    last = first + size * math.prod(stop - start for start, stop in region)
    if first and first // _BLOCK == last // _BLOCK:
        return
    ahead = last // _BLOCK * _BLOCK if first else 0
    ahead = (begin + ahead) // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    if ahead < len(mapping):
        with suppress(OSError):  # it was advice alone
            mapping.madvise(_WILL_NEED, ahead, 2 * _BLOCK)  # up to the end of the mapping


def open_safetensors_index(path: Path) -> list[Tensor]:
    """Return the tensors of the files that an index names.

    Raises:
        FaninValueError: The index is none, a file is missing or broken, or has not the tensors that the index names.
    """
    shown = repr(str(path))
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        files = {str(name): str(file) for name, file in index["weight_map"].items()}
    except OSError as error:
        raise FaninValueError(f"{shown} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise FaninValueError(
            f'{shown} is no index of safetensors, or was cut off: it has no object "weight_map" of names and files. '
            f"{_AGAIN}"
        ) from error
    wanted = sorted(set(files.values()))
    if outside := [file for file in wanted if Path(file).name != file]:
        raise FaninValueError(f"{shown} names files beside itself. Received: {outside[0]!r}, in another folder.")
    if missing := [file for file in wanted if not (path.parent / file).is_file()]:
        raise FaninValueError(
            f"{shown} names {len(wanted)} files, of which {len(missing)} are missing: {', '.join(missing[:5])}. Copy "
            f"or download them into {str(path.parent)!r}."
        )
    found: dict[str, Tensor] = {}
    homes: dict[str, str] = {}
    for file in wanted:
        for tensor in open_safetensors(path.parent / file):
            if tensor.name in found:
                raise FaninValueError(f"{shown}: two files have a tensor {tensor.name!r}. {_AGAIN}")
            found[tensor.name] = tensor
            homes[tensor.name] = file
    if absent := [name for name in files if name not in found]:
        raise FaninValueError(
            f"{shown} names {len(absent)} tensors that its files have not: {absent[0]!r} should be in "
            f"{files[absent[0]]!r}. {_AGAIN}"
        )
    if wrong := [name for name, file in files.items() if homes[name] != file]:
        raise FaninValueError(
            f"{shown} names the wrong file for {len(wrong)} tensors: {wrong[0]!r} is in {homes[wrong[0]]!r}, and the "
            f"index says {files[wrong[0]]!r}. Copy or download the index and its files again, from one place."
        )
    if not found:
        raise FaninValueError(f"{shown} names no tensors. {_AGAIN}")
    return list(found.values())
