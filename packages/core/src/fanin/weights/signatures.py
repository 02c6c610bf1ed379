"""What a file is by its first bytes, whatever its name says: for the errors of files that are no weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

__all__ = ["first_sentence", "likeness"]

_LONGEST: Final = 160

_BEGINNINGS: Final = (
    (b"version https://git-lfs", "It is a pointer of Git LFS, and the weights are elsewhere: run `git lfs pull`."),
    (b"\x89HDF", "It begins as a file of HDF5: load it into the model, and pass the model."),
    (b"GGUF", "It begins as a file of GGUF: read it with gguf.GGUFReader, and pass {name: array}."),
    (b"\x93NUMPY", "It begins as a file of numpy.save: pass {name: numpy.load(path)}."),
    (b"\x1f\x8b", "It begins as a file of gzip: unpack it first."),
    (b"\x80", "It begins as a pickle, as old files of torch.save do: call it .pt."),
    (b"{", "It begins as JSON: an index of safetensors is called *.safetensors.index.json."),
)


def likeness(path: Path, known: str = "") -> str:
    """Return what a file looks like and what to do with it, as a sentence after a space; or nothing.

    Args:
        path: The file.
        known: The ending that its name has: what says the same is no news.
    """
    found = _likeness(path)
    return "" if known and found.endswith(f"call it {known}.") else found


def _likeness(path: Path) -> str:
    try:
        with path.open("rb") as file:
            begin = file.read(64)
            size = path.stat().st_size
    except OSError:
        return ""
    if begin.startswith(b"PK\x03\x04"):
        return _archive(path)
    if begin[8:9] == b"{" and 0 < int.from_bytes(begin[:8], "little") < size:
        return " It begins as a file of safetensors: call it .safetensors."
    if begin.lstrip()[:1] == b"<":
        return " It begins as a page of HTML: what was downloaded is not the file."
    found = next((text for start, text in _BEGINNINGS if begin.startswith(start)), "")
    return f" {found}" if found else ""


def _archive(path: Path) -> str:
    """Return what a zip looks like by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # a broken archive raises many kinds
        return ""
    if any(name.endswith("/data.pkl") for name in names):
        return " It holds what torch.save writes: call it .pt."
    if any(name.endswith(".weights.h5") for name in names):
        return " It is a model of Keras: load it with keras.models.load_model, and pass the model."
    return " It holds what numpy.savez writes: call it .npz." if any(name.endswith(".npy") for name in names) else ""


def first_sentence(error: BaseException) -> str:
    r"""Return the kind of an error of a library and how its message begins, in one line, without its advice.

    Example:
        >>> first_sentence(RuntimeError("not a ZIP archive. This is an\\n internal error")), first_sentence(EOFError())
        ('RuntimeError: not a ZIP archive', 'EOFError')
    """
    text = " ".join(str(error).split())
    text = text.partition(". ")[0].partition(" [tensorstore_spec")[0].rstrip(".")[:_LONGEST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
