"""The data: scaling, splitting and batches, and each file that is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanin import FaninValueError
from fanin.compare.data import batches, load_data, prepare

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


nan, infinite, huge = INPUTS.copy(), INPUTS.copy(), INPUTS.copy()
nan[3, 1] = nan[7, 0] = np.nan
infinite[5, 2] = np.inf
huge[0, 0] = 1e300

REFUSED: list[tuple[str, Callable[[Path], object], str]] = [
    ("no X", save(y=LABELS, Z=INPUTS), "lacks X. It holds: y, Z"),
    ("neither", save(a=LABELS), "lacks X and y. It holds: a"),
    ("empty", save(), "lacks X and y. It holds: nothing"),
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
    ("one-hot", save(X=INPUTS, y=np.eye(2)[LABELS]), "one class label a sample"),
    ("one class", save(X=INPUTS, y=np.zeros(20)), "at least two classes"),
    ("lonely", save(X=INPUTS, y=np.arange(20)), "two samples of each"),
    ("objects", save(X=np.array([[{}]] * 20), y=LABELS), "cannot be read as an .npz file of plain arrays"),
    ("no archive", lambda path: path.write_bytes(b"hello"), "cannot be read as an .npz file"),
    ("an .npy file", save_npy, "cannot be read as an .npz file"),
    ("no bytes", lambda path: path.write_bytes(b""), "cannot be read as an .npz file"),
    ("a folder", lambda path: path.mkdir(), "no such file"),
    ("nothing", lambda path: None, "no such file"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_files_that_are_refused(make: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    make(path)
    with pytest.raises(FaninValueError) as caught:
        load_data(str(path))
    assert words in str(caught.value)


def test_labels_may_be_whole_floats_columns_or_text(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for labels in (LABELS.astype(float), LABELS[:, None], np.array(["no", "yes"])[LABELS], LABELS == 1):
        np.savez(path, X=INPUTS, y=labels)
        assert sorted(load_data(str(path)).train_labels.tolist()) == [0] * 8 + [1] * 8
