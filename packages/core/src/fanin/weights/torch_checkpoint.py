"""Folders of `torch.distributed.checkpoint`: the index is read without running code, and a tensor chunk by chunk."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.models.draw import common_region, counted_from
from fanin.models.parameter import Region
from fanin.weights.libraries import library
from fanin.weights.numbers import bits_dtype
from fanin.weights.signatures import first_sentence
from fanin.weights.tensor import Tensor, index_of, whole_of
from fanin.weights.torch_tensors import tensor_of_torch

__all__ = ["is_torch_checkpoint", "open_torch_checkpoint"]

_INDEX: Final = ".metadata"
_AGAIN: Final = "Copy or save it again."

_HOME: Final = "torch.distributed.checkpoint"
_CLASSES: Final = {
    f"{_HOME}.metadata": {
        "BytesStorageMetadata",
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
    f"{_HOME}.filesystem": {"_StorageInfo", "StorageMeta"},
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
    "collections": {"OrderedDict"},
}
"""What an index is made of; none of it runs what a file says."""


def is_torch_checkpoint(path: Path) -> bool:
    """Return whether a folder is one."""
    return (path / _INDEX).is_file()


def open_torch_checkpoint(path: Path) -> list[Tensor]:
    """Return the tensors of a folder; names are those of the flat state dict, as "model.fc.weight".

    Raises:
        FaninValueError: The index is broken or would run code, or a file or a part of it is missing.
        LibraryMissingError: torch is not installed.
    """
    library(f"{_HOME}.filesystem", f"{str(path)!r}, a distributed checkpoint of torch,", '"fanin[torch]"')
    index = _read_index(path / _INDEX)
    try:
        places = {(one.fqn, tuple(one.offset or ())): info for one, info in index.storage_data.items()}
        tensors = [
            (name, tuple(one.size), str(one.properties.dtype).removeprefix("torch."), one.chunks)
            for name, one in index.state_dict_metadata.items()
            if hasattr(one, "chunks")
        ]
    except (AttributeError, TypeError) as error:
        raise FaninValueError(f"{str(path / _INDEX)!r} is no index of a distributed checkpoint. {_AGAIN}") from error
    _check_files(path, {info.relative_path: 0 for info in places.values()}, places)
    found = [_tensor(path, name, shape, dtype, chunks, places) for name, shape, dtype, chunks in tensors]
    if not found:
        raise FaninValueError(f"{str(path)!r} has no tensors.")
    return found


class _Unpickler(pickle.Unpickler):
    """Reads an index, and nothing that would run code."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class of an index.

        Raises:
            FaninValueError: It is none.
        """
        if module.partition(".")[0] == "pathlib" and name.endswith("Path"):
            return lambda *parts: "/".join(parts)  # of another operating system, perhaps
        if name in _CLASSES.get(module, ()) or (module == "torch" and _is_dtype(name)):
            return super().find_class(module, name)
        raise FaninValueError(f"its pickle would run {module}.{name}, which no index of a checkpoint has")


def _is_dtype(name: str) -> bool:
    torch = library("torch", "a checkpoint", '"fanin[torch]"')
    return isinstance(getattr(torch, name, None), torch.dtype)


def _read_index(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return _Unpickler(file).load()
    except FaninValueError as error:
        raise FaninValueError(f"{str(path)!r} is not read: {error}. {_AGAIN}") from error
    except OSError as error:
        raise FaninValueError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a broken pickle raises any kind
        what = first_sentence(error)
        raise FaninValueError(f"{str(path)!r} was cut off, or is no index of a checkpoint: {what}. {_AGAIN}") from error


def _check_files(path: Path, sizes: dict[str, int], places: dict[Any, Any]) -> None:
    """Check that every file is there, and as long as the index says.

    Raises:
        FaninValueError: One is not, or would be in another folder.
    """
    for file in sizes:
        if Path(file).name != file:
            raise FaninValueError(f"{str(path)!r} has its files beside its index. Received: {file!r}.")
        if (path / file).is_file():
            sizes[file] = (path / file).stat().st_size
        else:
            raise FaninValueError(f"{str(path)!r} lacks the file {file!r} that its index names. {_AGAIN}")
    for (name, _), info in places.items():
        if info.offset + info.length > sizes[info.relative_path]:
            raise FaninValueError(
                f"{str(path / info.relative_path)!r} was cut off: {name} ends at byte {info.offset + info.length}, and "
                f"the file has {sizes[info.relative_path]}. {_AGAIN}"
            )
        if getattr(info, "transform_descriptors", None):
            raise FaninValueError(
                f"{str(path)!r} is compressed by {info.transform_descriptors}. Save it without extensions."
            )


def _tensor(
    path: Path, name: str, shape: tuple[int, ...], dtype: str, chunks: list[Any], places: dict[Any, Any]
) -> Tensor:
    regions: dict[Region, Any] = {}
    for chunk in chunks:
        offsets = tuple(chunk.offsets)
        region = tuple((start, start + size) for start, size in zip(offsets, chunk.sizes, strict=True))
        if (name, offsets) in places:
            regions[region] = places[name, offsets]
    covered = sum(math.prod(stop - start for start, stop in region) for region in regions)
    if covered < math.prod(shape):
        raise FaninValueError(
            f"{str(path)!r} has {covered} of the {math.prod(shape)} elements of {name}: parts are missing. {_AGAIN}"
        )

    def fetch(region: Region) -> NDArray[Any]:
        return _fetch(path, name, dtype, regions, region)

    return Tensor(name, shape, dtype, fetch, (whole_of(shape),), stored=tuple(regions))


def _fetch(path: Path, name: str, dtype: str, chunks: dict[Region, Any], region: Region) -> NDArray[Any]:
    """Return a region, from as many chunks as it needs."""
    found: NDArray[Any] | None = None
    for held, common, info in _touched(chunks, region):
        piece = _chunk(path / info.relative_path, info.offset, info.length, name).read(counted_from(held, common))
        if common == region:
            return piece
        if found is None:
            found = np.empty([stop - start for start, stop in region], piece.dtype)
        found[index_of(counted_from(region, common))] = piece
    return np.empty([stop - start for start, stop in region], bits_dtype(dtype)) if found is None else found


def _touched(chunks: dict[Region, Any], region: Region) -> Iterator[tuple[Region, Region, Any]]:
    for held, info in chunks.items():
        common = common_region(held, region)
        if common is not None:
            yield held, common, info


@lru_cache(maxsize=1)
def _chunk(path: Path, offset: int, length: int, name: str) -> Tensor:
    """Return one chunk; the last one is kept, since it is read by slices.

    Raises:
        FaninValueError: It is broken.
    """
    torch = library("torch", "a checkpoint", '"fanin[torch]"')
    try:
        with path.open("rb") as file:
            file.seek(offset)
            value = torch.load(io.BytesIO(file.read(length)), map_location="cpu", weights_only=True)
        return tensor_of_torch(name, value)
    except Exception as error:  # torch raises many kinds for a broken file
        what = first_sentence(error)
        raise FaninValueError(f"{str(path)!r} is broken at {name}: {what}. {_AGAIN}") from error
