"""Weights on disk: which reader a path has."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fanin.exceptions import FaninValueError
from fanin.weights.npz import open_npz
from fanin.weights.orbax_folder import is_orbax, open_orbax
from fanin.weights.safetensors import open_safetensors, open_safetensors_index
from fanin.weights.signatures import likeness
from fanin.weights.tensor import Tensor, Weights
from fanin.weights.torch_checkpoint import is_torch_checkpoint, open_torch_checkpoint
from fanin.weights.torch_file import open_torch_file

__all__ = ["open_file"]

_KINDS: Final = (
    ".safetensors, .npz, .pt, .pth or .bin, an index *.safetensors.index.json, or a folder: a torch distributed "
    "checkpoint (with .metadata) or one of Orbax (with _METADATA)"
)

_H5: Final = "Load it into the model (model.load_weights, or keras.models.load_model), and pass the model."
_OTHERS: Final = {
    ".h5": _H5,
    ".hdf5": _H5,
    ".keras": _H5,
    ".npy": "It holds one array: pass {name: numpy.load(path)}.",
    ".ckpt": "Of Lightning it is a file of torch.save: call it .pt. Of TensorFlow: load it, and pass the model.",
    ".tar": "It may be a file of torch.save: call it .pt.",
    ".onnx": "Read its initializers with onnx.numpy_helper, and pass {name: array}.",
    ".gguf": "Read its tensors with gguf.GGUFReader, and pass {name: array}.",
    ".msgpack": "Restore it with flax.serialization.msgpack_restore, and pass the tree.",
}
"""Files of weights that are not read, and how they become what is."""

TensorsOf = Callable[[object, str], list[Tensor]]


def open_file(path: Path, tensors_of: TensorsOf) -> Weights:
    """Return the tensors of a file or folder.

    Args:
        path: The file or folder.
        tensors_of: Returns the tensors of what a file of torch holds.

    Raises:
        FaninValueError: There is none, it is empty or broken, or no kind that is known.
        LibraryMissingError: The library that reads it is not installed.
    """
    if path.is_dir():
        return _folder(path)
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise FaninValueError(f"{str(path)!r} cannot be read: {error.strerror or error}.{_beside(path)}") from error
    except ValueError as error:  # a name that no file can have
        raise FaninValueError(f"{str(path)!r} cannot be read: {error}.") from error
    if empty:
        raise FaninValueError(f"{str(path)!r} is empty. Accepted: a file of weights, {_KINDS}.")
    name = path.name.lower()
    if name.endswith(".safetensors"):
        return Weights(open_safetensors(path), str(path))
    if name.endswith(".safetensors.index.json"):
        return Weights(open_safetensors_index(path), str(path))
    if name.endswith(".npz"):
        return Weights(open_npz(path), str(path))
    if name.endswith((".pt", ".pth", ".bin")):
        return Weights(tensors_of(open_torch_file(path), repr(str(path))), str(path))
    other = next((f" {text}" for ending, text in _OTHERS.items() if name.endswith(ending)), "") or likeness(path)
    raise FaninValueError(
        f"the kind of a file is known by its name. Received: {str(path)!r}. Accepted: {_KINDS}.{other}"
    )


def _beside(path: Path) -> str:
    """Return what is in the folder in which a file is not, as a sentence after a space."""
    folder = path.parent
    if not folder.is_dir():
        return f" There is no folder {str(folder)!r} either. Pass the path of {_KINDS}."
    names = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f" Close to it: {', '.join(map(repr, close))}." if close else f" Pass the path of {_KINDS}."


def _deeper(path: Path, name: str) -> Iterator[Path]:
    """Yield the files of a name in folders within a folder, the last of them first."""
    for pattern in (f"*/{name}", f"*/*/{name}"):
        yield from sorted(path.glob(pattern), reverse=True)


def _folder(path: Path) -> Weights:
    if is_torch_checkpoint(path):
        return Weights(open_torch_checkpoint(path), str(path))
    if is_orbax(path):
        return Weights(open_orbax(path), str(path))
    indices = sorted(path.glob("*.safetensors.index.json"))
    single = sorted(path.glob("*.safetensors")) if not indices else []
    found = [*indices, *single]
    if len(found) == 1:
        opened = open_safetensors_index if indices else open_safetensors
        return Weights(opened(found[0]), str(found[0]))
    names = ", ".join(sorted(one.name for one in path.iterdir())[:6]) or "nothing"
    within = next((found.parent for mark in ("_METADATA", ".metadata") for found in _deeper(path, mark)), None)
    hint = " Pass the path of such a folder, or of a file of weights."
    if within is not None:
        hint = f" A checkpoint is in {str(within)!r}."
    raise FaninValueError(
        f"{str(path)!r} is no checkpoint: a folder has .metadata (torch distributed), _METADATA (Orbax), or one "
        f"*.safetensors or its index. It has: {names}.{hint}"
    )
