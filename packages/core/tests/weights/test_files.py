"""Weights on disk: what each format gives, and one error for whatever is wrong with a file."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanin import FaninError
from fanin.weights import float32_of, open_weights
from fanin.weights.libraries import LibraryMissingError

from .files import safetensors_bytes, write_safetensors

NUMBERS = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8
REGION = ((1, 2), (0, 3), (1, 3))


def part(array: Any) -> list[Any]:
    """The region of an array."""
    found: list[Any] = array[1:2, 0:3, 1:3].tolist()
    return found


STORED = [
    ("F64", "float64", "<24d", NUMBERS.astype("float64")),
    ("F32", "float32", "<24f", NUMBERS),
    ("F16", "float16", "<24e", NUMBERS.astype("float16")),
    ("I64", "int64", "<24q", np.arange(24).reshape(2, 3, 4) - 5),
    ("I32", "int32", "<24i", np.arange(24, dtype="int32").reshape(2, 3, 4) - 5),
    ("I16", "int16", "<24h", np.arange(24, dtype="int16").reshape(2, 3, 4) - 5),
    ("I8", "int8", "<24b", np.arange(24, dtype="int8").reshape(2, 3, 4) - 5),
    ("U64", "uint64", "<24Q", np.arange(24, dtype="uint64").reshape(2, 3, 4)),
    ("U32", "uint32", "<24I", np.arange(24, dtype="uint32").reshape(2, 3, 4)),
    ("U16", "uint16", "<24H", np.arange(24, dtype="uint16").reshape(2, 3, 4)),
    ("U8", "uint8", "<24B", np.arange(24, dtype="uint8").reshape(2, 3, 4)),
    ("BOOL", "bool", "<24?", np.arange(24).reshape(2, 3, 4) % 3 == 0),
]


@pytest.mark.parametrize(("stored", "dtype", "form", "array"), STORED, ids=[row[0] for row in STORED])
def test_safetensors(stored: str, dtype: str, form: str, array: Any, tmp_path: Path) -> None:
    content = struct.pack(form, *array.ravel().tolist())
    path = write_safetensors(tmp_path / "a.safetensors", {"x": ("U8", [1], b"\7"), "w": (stored, [2, 3, 4], content)})
    weights = open_weights(str(path))
    assert list(weights) == ["x", "w"]
    tensor = weights["w"]
    assert (tensor.shape, tensor.dtype, tensor.size, tensor.is_whole) == ((2, 3, 4), dtype, 24, True)
    assert tensor.read(REGION).tolist() == part(array)
    assert tensor.read().tolist() == array.tolist()
    assert tensor.read().dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    ("stored", "dtype", "content", "bits", "numbers"),
    [
        ("BF16", "bfloat16", b"\xc0\x3f\x00\xc0", [0x3FC0, 0xC000], [1.5, -2.0]),
        ("F8_E4M3", "float8_e4m3fn", b"\x38\xfe", [0x38, 0xFE], [1.0, -448.0]),
        ("F8_E5M2", "float8_e5m2", b"\x3c\xfb", [0x3C, 0xFB], [1.0, -57344.0]),
    ],
)
def test_dtypes_that_numpy_lacks(
    stored: str, dtype: str, content: bytes, bits: list[int], numbers: list[float], tmp_path: Path
) -> None:
    tensor = open_weights(write_safetensors(tmp_path / "a.safetensors", {"w": (stored, [2], content)}))["w"]
    assert tensor.dtype == dtype
    assert tensor.read().tolist() == bits
    assert float32_of(tensor.read(), dtype).tolist() == numbers


def test_a_dtype_that_nothing_reads(tmp_path: Path) -> None:
    """The others of the file are read."""
    tensors = {"odd": ("F4", [4], b"\1\2"), "w": ("F32", [1], struct.pack("<f", 2.5))}
    weights = open_weights(write_safetensors(tmp_path / "a.safetensors", tensors))
    assert weights["w"].read().tolist() == [2.5]
    with pytest.raises(FaninError, match=r"odd has the dtype F4, which is not read. Accepted: F64"):
        weights["odd"].read()


def test_scalars_and_tensors_without_elements(tmp_path: Path) -> None:
    tensors = {"none": ("F32", [0, 3], b""), "one": ("F64", [], struct.pack("<d", 0.25)), "end": ("F32", [0], b"")}
    weights = open_weights(write_safetensors(tmp_path / "a.safetensors", tensors))
    assert weights["one"].read().tolist() == 0.25
    assert [weights[name].read().shape for name in ("none", "end")] == [(0, 3), (0,)]
    assert list(weights["none"].pieces()) == []


def test_large_tensors_are_read_ahead(tmp_path: Path) -> None:
    """By pieces that begin and end within blocks, up to the end of the file."""
    array = np.arange(9_000_000, dtype=np.float32).reshape(3000, 3000)
    path = write_safetensors(tmp_path / "a.safetensors", {"w": ("F32", [3000, 3000], array.tobytes())})
    tensor = open_weights(path)["w"]
    for region in tensor.pieces(1 << 18):
        assert (tensor.read(region) == array[tuple(slice(*ends) for ends in region)]).all()


GOOD = safetensors_bytes({"a": ("F32", [3], b"\0" * 12), "b": ("F16", [2, 2], b"\0" * 8)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (GOOD[:5], "is no file of safetensors, or was cut off: its first 8 bytes say"),
        (GOOD[:60], "is no file of safetensors, or was cut off"),
        (GOOD[:-1], f"was cut off: its header promises {len(GOOD)} bytes, and it has {len(GOOD) - 1}"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "is no file of safetensors"),
        ((2).to_bytes(8, "little") + b"[]", "its header is not one"),
        ((9).to_bytes(8, "little") + b'{"a": 12}', "its header is not one"),
        ((2).to_bytes(8, "little") + b"{}", "has no tensors"),
        (safetensors_bytes({"a": ("F32", [3], b"\0" * 12)}, a={"data_offsets": [0, 12]}), "record of 'a' is wrong"),
        (safetensors_bytes({"a": ("F32", [4], b"\0" * 12)}), "gives 'a' 12 bytes, and shape .4,. of F32 has 16"),
        (safetensors_bytes({"a": ("F32", [-1, -3], b"\0" * 12)}), "gives 'a' 12 bytes"),
        (
            safetensors_bytes({}, a={"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}),
            "puts 'a' at the bytes -4 to 0",
        ),
    ],
)
def test_broken_safetensors(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(FaninError, match=message) as caught:
        open_weights(tmp_path / "model.safetensors")
    assert "model.safetensors" in str(caught.value)


def shards(folder: Path, **names: str) -> Path:
    """Write two shards and their index; names are changes of the index."""
    write_safetensors(folder / "model-1-of-2.safetensors", {"b": ("F32", [1], struct.pack("<f", 2))})
    write_safetensors(
        folder / "model-2-of-2.safetensors",
        {"a": ("F32", [2], struct.pack("<2f", 3, 4)), "c": ("F32", [1], struct.pack("<f", 5))},
    )
    one, two = "model-1-of-2.safetensors", "model-2-of-2.safetensors"
    index = {"metadata": {"total_size": 16}, "weight_map": {"a": two, "b": one, "c": two} | names}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps(index), encoding="utf-8")
    return path


@pytest.mark.parametrize("by_folder", [False, True])
def test_shards(by_folder: bool, tmp_path: Path) -> None:
    path = shards(tmp_path)
    weights = open_weights(tmp_path if by_folder else path)
    assert {name: tensor.read().tolist() for name, tensor in weights.items()} == {"a": [3, 4], "b": [2], "c": [5]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / "model-2-of-2.safetensors").unlink(),
            "names 2 files, of which 1 are missing: model-2",
        ),
        (lambda folder: shards(folder, d="model-1-of-2.safetensors"), "names 1 tensors that its files have not: 'd'"),
        (lambda folder: shards(folder, d="../secret.safetensors"), "names files beside itself. Received: '../secret"),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("{}"), 'it has no object "weight_map"'),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("[1"), 'it has no object "weight_map"'),
        (
            lambda folder: write_safetensors(folder / "model-1-of-2.safetensors", {"a": ("U8", [1], b"1")}),
            "two files have a tensor 'a'",
        ),
        (
            lambda folder: (folder / "model-1-of-2.safetensors").write_bytes(GOOD[:-1]),
            "model-1-of-2.safetensors' was cut off",
        ),
    ],
)
def test_broken_shards(change: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    path = shards(tmp_path)
    change(tmp_path)
    with pytest.raises(FaninError, match=message):
        open_weights(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz(compressed: bool, order: Any, tmp_path: Path) -> None:
    save = np.savez_compressed if compressed else np.savez
    arrays: dict[str, Any] = {
        "fc.weight": np.asarray(NUMBERS, order=order),
        "big": NUMBERS.astype(">f8"),
        "one": np.float16(2.5),
        "none": np.empty((0, 3)),
    }
    save(tmp_path / "a.npz", **arrays)
    weights = open_weights(tmp_path / "a.npz")
    assert list(weights) == list(arrays)
    for name in ("fc.weight", "big"):
        assert weights[name].read(REGION).tolist() == part(NUMBERS)
        assert weights[name].read().dtype.isnative
    assert weights["one"].read().tolist() == 2.5
    assert weights["none"].read().shape == (0, 3)
    assert {name: tensor.dtype for name, tensor in weights.items()} == {
        "fc.weight": "float32",
        "big": "float64",
        "one": "float16",
        "none": "float64",
    }


class Runs:
    """What a pickle could do."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


def npz_bytes(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (npz_bytes(a=NUMBERS)[:-30], "is no file of numpy.savez, or was cut off"),
        (b"PK\3\4" + b"\0" * 40, "is no file of numpy.savez, or was cut off"),
        (npz_bytes(a=np.array([Runs()])), "Received: 'a' of dtype object, which is a pickle that could run code"),
        (npz_bytes(a=np.array(["x"])), "Received: 'a' of dtype <U1"),
        (npz_bytes(), "has no arrays"),
    ],
)
def test_broken_npz(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FaninError, match=message):
        open_weights(tmp_path / "a.npz")


def test_a_compressed_array_that_was_damaged(tmp_path: Path) -> None:
    """The directory of the zip is whole, and so is the array's header: it is found when the array is read."""
    np.savez_compressed(tmp_path / "a.npz", a=np.random.default_rng(3).normal(size=40_000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(content)
    tensor = open_weights(tmp_path / "a.npz")["a"]
    with pytest.raises(FaninError, match=r"a.npz' is no file of numpy.savez, or was cut off: .* again"):
        tensor.read()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_array_whose_header_promises_more(compression: int, tmp_path: Path) -> None:
    """Stored, it would be read from the bytes that follow it."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3, np.float32))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("a.npy", buffer.getvalue().replace(b"(3,)", b"(9,)"))
        archive.writestr("b.npy", buffer.getvalue())
    with pytest.raises(FaninError, match=r"is broken: 'a' has 12 bytes, and shape .9,. of float32 has 36"):
        open_weights(tmp_path / "a.npz")


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", "not an array")
    with pytest.raises(FaninError, match=r"is no file of numpy.savez"):
        open_weights(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.safetensors", "cannot be read: No such file"),
        ("text.txt", "the kind of a file is known by its name"),
        ("model.h5", "the kind of a file is known by its name.*pass the model"),
        ("model.weights.h5", "model.load_weights"),
        ("model.onnx", "onnx.numpy_helper"),
        (
            ".",
            "is no checkpoint: a folder has .metadata .* It has: inner, .*text.txt. A checkpoint is in .*step",
        ),
        ("inner/step/x", "cannot be read"),
        ("inner/empty", "It has: nothing."),
        ("\0", "cannot be read"),
    ],
)
def test_what_is_no_file_of_weights(name: str, message: str, tmp_path: Path) -> None:
    for file in ("text.txt", "model.h5", "model.weights.h5", "model.onnx"):
        (tmp_path / file).write_text("1", encoding="utf-8")
    (tmp_path / "inner" / "step").mkdir(parents=True)
    (tmp_path / "inner" / "empty").mkdir()
    (tmp_path / "inner" / "step" / "_METADATA").write_text("{}", encoding="utf-8")
    with pytest.raises(FaninError, match=message):
        open_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "library", "command"),
    [
        ("a.pt", "torch", '"fanin.torch."'),
        ("torch/", "torch", '"fanin.torch."'),
        ("orbax/", "tensorstore", "tensorstore"),
    ],
)
def test_a_library_that_is_absent(
    name: str, library: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    for path in ("a.pt", "torch/.metadata", "orbax/_METADATA"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("1", encoding="utf-8")
    with pytest.raises(
        LibraryMissingError, match=f"needs {library}, which is not installed. Run: pip install {command}"
    ):
        open_weights(tmp_path / name)


def test_a_hundred_thousand_tensors(tmp_path: Path) -> None:
    """Each is opened by what the header says of it alone: no file, mapping or array for each."""
    count = 100_000
    header = {f"layers.{k}.w": {"dtype": "F16", "shape": [1], "data_offsets": [2 * k, 2 * k + 2]} for k in range(count)}
    text = json.dumps(header).encode()
    data = np.arange(count) % 7
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data.astype("<f2").tobytes())
    weights = open_weights(path)
    assert len(weights) == count
    assert [float(weights[f"layers.{k}.w"].read()[0]) for k in (0, 1, 99_999)] == [0, 1, 99_999 % 7]


def test_a_large_tensor(tmp_path: Path) -> None:
    """It is mapped on its own, at an address that no element is aligned to."""
    array = np.arange(400_000, dtype="<f4").reshape(400, 1000)
    tensors = {"odd": ("U8", [3], b"\1\2\3"), "w": ("F32", [400, 1000], array.tobytes())}
    weights = open_weights(write_safetensors(tmp_path / "a.safetensors", tensors))
    assert weights["w"].read(((7, 9), (3, 1000))).tolist() == array[7:9, 3:].tolist()
    assert weights["odd"].read().tolist() == [1, 2, 3]


def test_without_numpy() -> None:
    code = "import sys; sys.modules['numpy'] = None; import fanin.weights"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = 'fanin.weights needs numpy, which is not installed. Run: pip install "fanin[numpy]".'
    assert run.stderr.splitlines()[-1].endswith(f"LibraryMissingError: {expected}")
