"""Each format with each damage: one error that says what is wrong and what to do, and nothing that a library raised."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import fanin
from fanin.exceptions import FaninValueError
from fanin.weights.signatures import likeness

from .files import write_safetensors

ARRAYS: Final = {
    "a.weight": np.random.default_rng(3).normal(size=(40, 30)).astype(np.float32),
    "b.weight": np.random.default_rng(4).normal(size=(70, 50)).astype(np.float32),
}

Write = Callable[[Path], Path]


def raw(array: Any) -> tuple[str, list[int], bytes]:
    return "F32", list(array.shape), array.tobytes()


def safetensors(folder: Path) -> Path:
    write_safetensors(folder / "model.safetensors", {name: raw(array) for name, array in ARRAYS.items()})
    return folder / "model.safetensors"


def npz(folder: Path) -> Path:
    np.savez(folder / "model.npz", **ARRAYS)  # type: ignore[arg-type]
    return folder / "model.npz"


def compressed(folder: Path) -> Path:
    np.savez_compressed(folder / "model.npz", **ARRAYS)  # type: ignore[arg-type]
    return folder / "model.npz"


def torch_file(folder: Path) -> Path:
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(array) for name, array in ARRAYS.items()}, folder / "model.pt")
    return folder / "model.pt"


def old_torch_file(folder: Path) -> Path:
    torch = pytest.importorskip("torch")
    weights = {name: torch.from_numpy(array) for name, array in ARRAYS.items()}
    torch.save(weights, folder / "model.pt", _use_new_zipfile_serialization=False)
    return folder / "model.pt"


def index(folder: Path) -> Path:
    files = {}
    for k, (name, array) in enumerate(ARRAYS.items(), 1):
        files[name] = f"model-{k}-of-2.safetensors"
        write_safetensors(folder / files[name], {name: raw(array)})
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": files}), encoding="utf-8")
    return path


FORMATS: Final[dict[str, Write]] = {
    "safetensors": safetensors,
    "npz": npz,
    "compressed npz": compressed,
    "pt": torch_file,
    "old pt": old_torch_file,
    "index": index,
}


def checkpoint(folder: Path) -> Path:
    dcp = pytest.importorskip("torch.distributed.checkpoint")
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():  # of one process
        warnings.simplefilter("ignore")
        dcp.save({name: torch.from_numpy(array) for name, array in ARRAYS.items()}, checkpoint_id=str(folder / "dcp"))
    return folder / "dcp"


def orbax(folder: Path) -> Path:
    ocp = pytest.importorskip("orbax.checkpoint")
    ocp.PyTreeCheckpointer(use_ocdbt=False).save((folder / "orbax").absolute(), dict(ARRAYS))
    return folder / "orbax"


FOLDERS: Final[dict[str, tuple[Write, str, str]]] = {
    "torch": (checkpoint, ".metadata", "__0_0.distcp"),
    "orbax": (orbax, "_METADATA", "a.weight/.zarray"),
}
"""Each with the file that says what it is, and one of the rest."""

CONTENTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "cut within its beginning": lambda content: content[:9],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "cut at its end": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"no weights\n" * 9,
    "a page of HTML": lambda content: b"<!DOCTYPE html><html>404</html>",
    "a pointer of LFS": lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 4212\n",
    "JSON": lambda content: b'{"a": 1}',
    "a list": lambda content: b"[1, 2]",
}


def told(path: Path) -> str:
    """Return the one error of an audit: of fanin, in one line, without what a library advises."""
    with pytest.raises(FaninValueError) as caught:
        fanin.audit(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    assert not any(word in text for word in ("Traceback", "miniz error", "weights_only", "tensorstore_spec"))
    assert any(
        word in text for word in ("again", "Accepted:", "call it", "Pass ", "run `", "is not the file", "is called")
    )
    return text


@pytest.mark.parametrize("damage", CONTENTS)
@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_file(form: str, damage: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path)
    path.write_bytes(CONTENTS[damage](path.read_bytes()))
    assert repr(str(path)) in told(path)


@pytest.mark.parametrize("damage", CONTENTS)
def test_a_damaged_shard(damage: str, tmp_path: Path) -> None:
    path = index(tmp_path)
    shard = tmp_path / "model-2-of-2.safetensors"
    shard.write_bytes(CONTENTS[damage](shard.read_bytes()))
    assert repr(str(shard)) in told(path)


@pytest.mark.parametrize("damage", ["cut in the middle", "zeros", "text", "a page of HTML", "empty"])
@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("form", FOLDERS)
def test_a_damaged_folder(form: str, part: int, damage: str, tmp_path: Path) -> None:
    write, *parts = FOLDERS[form]
    path = write(tmp_path)
    file = path / parts[part - 1]
    file.write_bytes(CONTENTS[damage](file.read_bytes()))
    assert str(path) in told(path)


@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("form", FOLDERS)
def test_a_folder_that_lacks_a_file(form: str, part: int, tmp_path: Path) -> None:
    write, *parts = FOLDERS[form]
    path = write(tmp_path)
    (path / parts[part - 1]).unlink()
    assert str(path) in told(path)


ENDINGS: Final = {
    "safetensors": (".npz", ".pt", ".bin", ".txt"),
    "npz": (".safetensors", ".pt", ".bin", ""),
    "pt": (".safetensors", ".npz", ".weights"),
    "old pt": (".safetensors", ".npz", ".weights"),
}
CALL: Final = {"safetensors": ".safetensors", "npz": ".npz", "pt": ".pt", "old pt": ".pt"}


@pytest.mark.parametrize(("form", "ending"), [(form, ending) for form in ENDINGS for ending in ENDINGS[form]])
def test_another_ending(form: str, ending: str, tmp_path: Path) -> None:
    if ending in (".pt", ".bin"):
        pytest.importorskip("torch")  # which reads what is called so
    path = FORMATS[form](tmp_path)
    text = told(path.rename(tmp_path / f"other{ending}"))
    assert text.endswith(f"call it {CALL[form]}.")


def changed_index(folder: Path, files: dict[str, Any]) -> Path:
    path = index(folder)
    path.write_text(json.dumps({"weight_map": files}), encoding="utf-8")
    return path


FIRST, SECOND = "model-1-of-2.safetensors", "model-2-of-2.safetensors"

INDICES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "the wrong shard": (
        {"a.weight": SECOND, "b.weight": FIRST},
        "names the wrong file for 2 tensors: 'a.weight' is in",
    ),
    "one shard for both": (
        {"a.weight": FIRST, "b.weight": FIRST},
        "names 1 tensors that its files have not: 'b.weight'",
    ),
    "a shard that is not there": (
        {"a.weight": FIRST, "b.weight": "model-3-of-2.safetensors"},
        "1 are missing: model-3",
    ),
    "another ending": ({"a.weight": "model-1.bin", "b.weight": SECOND}, "1 are missing: model-1.bin"),
    "another folder": ({"a.weight": "../model.safetensors"}, "names files beside itself"),
    "no names": ({}, "names no tensors"),
    "null": ({"a.weight": None}, "None"),
}


@pytest.mark.parametrize("by_folder", [False, True])
@pytest.mark.parametrize("case", INDICES)
def test_an_index_that_is_wrong(case: str, by_folder: bool, tmp_path: Path) -> None:
    files, message = INDICES[case]
    path = changed_index(tmp_path, files)
    with pytest.raises(FaninValueError) as caught:
        fanin.audit(tmp_path if by_folder else path)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.safetensors", "nowhere.npz", "nowhere.pt", "nowhere", "no/where.npz"])
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    assert "cannot be read" in told(tmp_path / name)


def test_a_name_that_is_close(tmp_path: Path) -> None:
    npz(tmp_path)
    with pytest.raises(FaninValueError, match=r"Close to it: 'model\.npz'\.$"):
        fanin.audit(tmp_path / "modell.npz")


@pytest.mark.parametrize("name", ["folder", "model.safetensors", "model.pt", "model.npz"])
def test_a_folder_with_nothing_in_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert "It has: nothing. Pass the path of such a folder" in told(tmp_path / name)


def test_what_files_look_like(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content, text in {
        b"\x89HDF\r\n": "HDF5",
        b"GGUF\x03": "GGUF",
        b"\x93NUMPY": "numpy.load",
        b"\x1f\x8b\x08": "gzip",
        b"hello": "",
        b"": "",
        b"PK\x03\x04 and no more": "",
    }.items():
        path.write_bytes(content)
        assert text in likeness(path)
        assert bool(text) == bool(likeness(path))
    assert likeness(tmp_path / "nowhere") == ""
