"""Folders of Orbax: the tree is described in JSON, and the arrays are read by TensorStore, by slices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from fanin.exceptions import FaninValueError
from fanin.models.parameter import Region
from fanin.weights.jax_tree import without_value
from fanin.weights.libraries import library
from fanin.weights.numbers import bits_of
from fanin.weights.signatures import first_sentence
from fanin.weights.tensor import Tensor, index_of, whole_of

__all__ = ["is_orbax", "open_orbax"]

_INDEX: Final = "_METADATA"
_ARRAYS: Final = ("jax.Array", "np.ndarray")


def is_orbax(path: Path) -> bool:
    """Return whether a folder is one."""
    return (path / _INDEX).is_file()


def open_orbax(path: Path) -> list[Tensor]:
    """Return the arrays of a folder, under the paths of their tree, joined by dots.

    Raises:
        FaninValueError: The description is broken, or an array is missing.
        LibraryMissingError: TensorStore is not installed.
    """
    tensorstore = library("tensorstore", f"{str(path)!r}, a checkpoint of Orbax,", "tensorstore")
    shown = repr(str(path / _INDEX))
    try:
        index = json.loads((path / _INDEX).read_text(encoding="utf-8"))
        records = list(index["tree_metadata"].values())
        paths = [
            [str(key["key"]) for key in record["key_metadata"]]
            for record in records
            if record["value_metadata"]["value_type"] in _ARRAYS
        ]
        options = {name: bool(index.get(name)) for name in ("use_ocdbt", "use_zarr3")}
        complete = bool(index.get("store_array_data_equal_to_fill_value"))
    except OSError as error:
        raise FaninValueError(f"{shown} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise FaninValueError(f"{shown} is no description of a checkpoint of Orbax. Copy or save it again.") from error
    if not paths:
        raise FaninValueError(f"{str(path)!r} has no arrays.")
    opened = [tensorstore.open(_spec(path, ".".join(words), complete=complete, **options)) for words in paths]
    return [_tensor(path, words, future) for words, future in zip(paths, opened, strict=True)]


def _spec(path: Path, name: str, *, use_ocdbt: bool, use_zarr3: bool, complete: bool) -> dict[str, Any]:
    """Return what TensorStore opens an array by."""
    base = path.resolve()
    if use_ocdbt:
        store = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{base.as_posix()}/"}, "path": f"{name}/"}
    else:
        store = {"driver": "file", "path": f"{(base / name).as_posix()}/"}
    driver = "zarr3" if use_zarr3 else "zarr"
    # A part that is missing would read as zeros, where zeros are written too.
    return {"driver": driver, "kvstore": store, "open": True, "fill_missing_data_reads": not complete}


def _tensor(path: Path, words: list[str], opened: Any) -> Tensor:
    name = ".".join(without_value(words))
    try:
        store = opened.result()
    except Exception as error:  # TensorStore raises ValueError, and others for the machine's own faults
        raise _broken(path, name, error) from error
    shape = tuple(map(int, store.shape))

    def fetch(region: Region) -> NDArray[Any]:
        try:
            return bits_of(store[index_of(region)].read().result())
        except Exception as error:
            raise _broken(path, name, error) from error

    return Tensor(name, shape, str(store.dtype.name), fetch, (whole_of(shape),))


def _broken(path: Path, name: str, error: Exception) -> FaninValueError:
    what = first_sentence(error)
    return FaninValueError(f"{str(path)!r} lacks a part of {name}, or it is broken: {what}. Copy or save it again.")
