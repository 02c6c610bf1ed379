"""The data: scaling, splitting and batches, and each file that is refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanin.exceptions import FaninValueError
from fanin.lab.data import batches, load_data, prepare

INPUTS = np.arange(60.0).reshape(20, 3) ** 2
LABELS = np.arange(20) % 2


def test_features_are_standardised_by_the_training_data() -> None:
    inputs = np.column_stack([INPUTS, np.full(20, 7.0)])  # the last feature never changes
    data = prepare("d", inputs, LABELS)
    assert data.train_inputs.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    assert data.train_inputs.std(axis=0) == pytest.approx([1, 1, 1, 0])
    # The test data is scaled by the same numbers, so that the order of all samples is kept.
    assert np.array_equal(
        np.argsort(np.argsort(np.concatenate([data.train_inputs[:, 0], data.test_inputs[:, 0]]))),
        np.argsort(np.argsort(np.concatenate([_rows(data, True), _rows(data, False)]))),
    )


def _rows(data: Any, train: bool) -> Any:
    """Return where the samples of a part were: feature 1 grows from sample to sample."""
    return (data.train_inputs if train else data.test_inputs)[:, 1]


def test_images_are_standardised_as_a_whole() -> None:
    images = np.zeros((20, 2, 3))
    images[:, 0, 0] = np.arange(20)
    images[3, 1, 2] = 1.0  # a pixel that is hardly ever lit
    data = prepare("d", images, LABELS)
    assert data.features == 6
    assert data.train_inputs.mean() == pytest.approx(0, abs=1e-12)
    assert data.train_inputs.std() == pytest.approx(1)
    assert np.abs(data.train_inputs[:, 5]).max() < 1


@pytest.mark.parametrize("exponent", [-1000, -540, 540, 1000])
@pytest.mark.parametrize("shape", [(20, 3), (20, 1, 3)])
def test_the_unit_of_the_data_does_not_matter(exponent: int, shape: tuple[int, ...]) -> None:
    plain = prepare("d", INPUTS.reshape(shape), LABELS)
    scaled = prepare("d", np.ldexp(INPUTS.reshape(shape), exponent), LABELS)
    assert np.array_equal(plain.train_inputs, scaled.train_inputs)
    assert np.array_equal(plain.test_inputs, scaled.test_inputs)
    assert prepare("d", INPUTS * 1e300, LABELS).train_inputs.std(axis=0) == pytest.approx([1, 1, 1])


def test_the_split_takes_a_fifth_of_each_class() -> None:
    data = prepare("d", np.arange(90.0).reshape(90, 1), np.array(["b"] * 50 + ["a"] * 33 + ["c"] * 7))
    assert data.classes == 3
    assert np.bincount(data.test_labels).tolist() == [6, 10, 1]  # sorted: a, b, c
    assert np.bincount(data.train_labels).tolist() == [27, 40, 6]
    assert data.chance == pytest.approx(10 / 17)  # always naming b


def test_digits_are_whole() -> None:
    data = load_data("digits")
    assert data.train_inputs.shape == (1442, 64)
    assert data.test_inputs.shape == (355, 64)
    assert data.astype("float32").train_inputs.dtype == np.float32
    assert np.square(data.train_inputs).mean() == pytest.approx(1)


def test_batches_are_a_permutation_that_never_changes() -> None:
    assert batches(7, 3, seed=0, epoch=0).tolist() == [[5, 3, 2], [4, 1, 0]]
    assert batches(7, 3, seed=0, epoch=1).tolist() != batches(7, 3, seed=0, epoch=0).tolist()
    assert batches(7, 3, seed=1, epoch=0).tolist() != batches(7, 3, seed=0, epoch=0).tolist()
    assert batches(7, 3, seed=2**64 - 1, epoch=0).shape == (2, 3)
    assert sorted(batches(12, 4, seed=5, epoch=9).ravel().tolist()) == list(range(12))
    assert batches(3, 8, seed=0, epoch=0).shape == (1, 3)  # a batch is never larger than the data


def save(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


def save_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, INPUTS)


def change(how: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a function that writes a good file and changes its bytes."""

    def make(path: Path) -> None:
        np.savez(path, X=INPUTS, y=LABELS)
        path.write_bytes(how(path.read_bytes()))

    return make


def members(contents: dict[str, bytes]) -> Callable[[Path], None]:
    """Return a function that writes an archive with these members."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)

    return make


def header(shape: tuple[int, ...]) -> bytes:
    """Return the beginning of an .npy file that promises an array of this shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


nan, infinite, huge = INPUTS.copy(), INPUTS.copy(), INPUTS.copy()
nan[3, 1] = nan[7, 0] = np.nan
infinite[5, 2] = np.inf
huge[0, 0] = 1e300

REFUSED: list[tuple[str, Callable[[Path], object], str]] = [
    ("no X", save(y=LABELS, Z=INPUTS), "lacks X. Received: '{path}', which holds y, Z"),
    ("neither", save(a=LABELS), "lacks X and y. Received: '{path}', which holds a."),
    ("empty", save(), "which holds nothing."),
    ("NaN", save(X=nan, y=LABELS), "2 values that are NaN or infinite, the first in sample 3"),
    ("infinity", save(X=infinite, y=LABELS), "1 values that are NaN or infinite, the first in sample 5"),
    ("huge", save(X=huge, y=LABELS), "one order of magnitude"),
    ("constant", save(X=np.ones((20, 3)), y=LABELS), "only constant features"),
    ("lengths", save(X=INPUTS, y=LABELS[:-1]), "X of 20 and y of 19"),
    ("text", save(X=np.array([["a"]] * 20), y=LABELS), "X must hold real numbers"),
    ("complex", save(X=INPUTS * 1j, y=LABELS), "X must hold real numbers"),
    ("one axis", save(X=INPUTS[:, 0], y=LABELS), "X must have the shape"),
    ("no samples", save(X=INPUTS[:0], y=LABELS[:0]), "X must have the shape"),
    ("fractions", save(X=INPUTS, y=LABELS + 0.5), "y must hold class labels"),
    ("NaN label", save(X=INPUTS, y=np.where(LABELS, np.nan, 1.0)), "y must hold class labels"),
    ("one-hot", save(X=INPUTS, y=np.eye(2)[LABELS]), "one class label per sample"),
    ("one class", save(X=INPUTS, y=np.zeros(20)), "two samples of each. Received: 1 class, of 20 samples."),
    ("lonely", save(X=INPUTS, y=np.arange(20)), "two samples of each. Received: 20 classes, of 1 sample each."),
    ("objects", save(X=np.array([[{}]] * 20), y=LABELS), "holds Python objects, which are not read"),
    ("object labels", save(X=INPUTS, y=np.array(["a", "b"] * 10, object)), "y=labels.astype(str)."),
    ("times", save(X=INPUTS.astype("M8[s]"), y=LABELS), "X must hold real numbers"),
    ("records", save(X=INPUTS.view("f8,f8,f8"), y=LABELS), "X must hold real numbers"),
    ("empty labels", save(X=INPUTS, y=LABELS[:0]), "X of 20 and y of 0"),
    ("complex labels", save(X=INPUTS, y=LABELS * 1j), "y must hold class labels"),
    ("no features", save(X=INPUTS[:, :0], y=LABELS), "X must have the shape"),
    ("one number", save(X=1.0, y=LABELS), "X must have the shape"),
    ("text file", lambda path: path.write_bytes(b"X,y\n1,2\n"), "is not an .npz file"),
    (
        "pickle",
        lambda path: path.write_bytes(pickle.dumps([1])),
        "is not an .npz file",
    ),
    ("an .npy file", save_npy, "is not an .npz file"),
    (
        "no bytes",
        lambda path: path.write_bytes(b""),
        "is not an .npz file, or its end is missing. Received: '{path}'. Accepted: \"digits\"",
    ),
    ("cut off", change(lambda content: content[:-30]), "its end is missing"),
    ("damaged", change(lambda content: content.replace(INPUTS[1].tobytes(), bytes(24), 1)), "is damaged"),
    ("wrong header", change(lambda content: content.replace(b"'descr'", b"'descs'", 1)), "is damaged"),
    ("no array", members({"X": b"hello", "y.npy": b""}), "X must hold real numbers. Received: dtype |S5"),
    ("no header", members({"X.npy": b"\x93NUMPY", "y.npy": b""}), "is damaged"),
    ("too large", members({"X.npy": header((10**15, 3)), "y.npy": b""}), "does not fit into memory"),
    ("a folder", lambda path: path.mkdir(), "the dataset cannot be read: Is a directory. Received: '{path}'"),
    ("nothing", lambda path: None, "there is no such dataset. Received: '{path}', and no file has this name"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_files_that_are_refused(make: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    make(path)
    with pytest.raises(FaninValueError) as caught:
        load_data(str(path))
    message = str(caught.value)
    assert words.format(path=path) in message
    assert "\n" not in message
    assert "allow_pickle" not in message


def test_labels_may_be_whole_floats_columns_or_text(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for labels in (LABELS.astype(float), LABELS[:, None], np.array(["no", "yes"])[LABELS], LABELS == 1):
        np.savez(path, X=INPUTS, y=labels)
        assert sorted(load_data(str(path)).train_labels.tolist()) == [0] * 8 + [1] * 8
