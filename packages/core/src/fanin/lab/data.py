"""The data: scikit-learn's bundled digits or a file's X and y, scaled and split, the same for every backend."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError

__all__ = ["Data", "batches", "load_data", "prepare", "sequences"]

_WRITE: Final = "numpy.savez(path, X=inputs, y=labels) writes one."
_ACCEPTED: Final = f'Accepted: "digits", "sequences", or the path of an .npz file with arrays X and y. {_WRITE}'
_TEST_PART: Final = 5
"""One sample in this many, of each class, is for the test."""


@dataclass(frozen=True)
class Data:
    """Classification data, ready for a network; `prepare` computes it in double precision.

    Attributes:
        name: What it is, for titles.
        train_inputs: Of shape (samples, features): floating-point and standardised, or as they came, int32 or int64.
        train_labels: int64 of shape (samples,), classes from 0.
        test_inputs: As `train_inputs`, scaled by the training data's mean and deviation.
        test_labels: As `train_labels`.
        classes: Number of classes.
        shape: How the features of a sample were arranged.
        train_whole: The inputs as they came, where they are whole numbers, which may be tokens; None where not.
        test_whole: As `train_whole`.
    """

    name: str
    train_inputs: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_inputs: NDArray[Any]
    test_labels: NDArray[np.int64]
    classes: int
    shape: tuple[int, ...] = ()
    train_whole: NDArray[np.integer[Any]] | None = None
    test_whole: NDArray[np.integer[Any]] | None = None

    @property
    def features(self) -> int:
        """Number of input features."""
        return int(self.train_inputs.shape[1])

    def astype(self, dtype: str) -> Data:
        """Return the same data with its inputs rounded to a dtype; tokens are none to round."""
        if self.train_inputs.dtype.kind == "i":
            return self
        return replace(self, train_inputs=self.train_inputs.astype(dtype), test_inputs=self.test_inputs.astype(dtype))

    def as_it_came(self) -> Data:
        """Return the same data with inputs that are not standardised, where they are whole numbers."""
        if self.train_whole is None or self.test_whole is None:
            return self
        return replace(self, train_inputs=self.train_whole, test_inputs=self.test_whole)

    @property
    def chance(self) -> float:
        """Test accuracy of always naming the class that is most frequent in the training data."""
        commonest = np.bincount(self.train_labels).argmax()
        return float((self.test_labels == commonest).mean())


def load_data(dataset: str) -> Data:
    """Load a dataset by name or path.

    Args:
        dataset: "digits"; "sequences", which are generated (`sequences`); or the path of an .npz file that holds an
            array X of shape (samples, ...) and an array y of one class label per sample.

    Raises:
        FaninValueError: The file cannot be read or lacks one of them, or X and y hold what no network can be trained on
            (`prepare`).
    """
    if dataset == "digits":
        from sklearn.datasets import load_digits

        digits: Any = load_digits()
        return prepare("digits", digits.images, digits.target)
    if dataset == "sequences":
        return prepare("sequences", *sequences())
    if not dataset:
        raise FaninValueError(f"the dataset has no name. Received: ''. {_ACCEPTED}")
    path = Path(dataset)
    return prepare(path.stem, *_read(path))


def sequences(samples: int = 2000, tokens: int = 12, symbols: int = 6) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sequences of symbols, one of them behind a mark, and which symbol that is: a task for an attention.

    Args:
        samples: How many.
        tokens: Symbols of a sequence, one more than there are with the mark.
        symbols: How many different symbols there are.

    Returns:
        The sequences, shape (samples, tokens, symbols + 1), each token a one; and the symbols behind the marks.

    Example:
        >>> inputs, labels = sequences(samples=3)
        >>> inputs.shape, labels.tolist()
        ((3, 12, 7), [5, 3, 5])
    """
    words = np.random.Philox(key=np.array([7, 7], dtype=np.uint64)).random_raw(samples * (tokens + 1))
    drawn = (words >> np.uint64(32)).reshape(samples, tokens + 1).astype(np.int64)
    found = drawn[:, :tokens] % symbols
    marks, rows = drawn[:, tokens] % (tokens - 1), np.arange(samples)
    labels = found[rows, marks + 1]
    found[rows, marks] = symbols
    return np.eye(symbols + 1)[found], labels


def _read(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the arrays X and y of a file; nothing in it is executed."""
    received = f"Received: {str(path)!r}"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if missing := [name for name in ("X", "y") if name not in archive.files]:
                holds = ", ".join(archive.files) or "nothing"
                raise FaninValueError(
                    f"the dataset lacks {' and '.join(missing)}. {received}, which holds {holds}. {_ACCEPTED}"
                )
            return np.asarray(archive["X"]), np.asarray(archive["y"])
    except FaninValueError:
        raise
    except FileNotFoundError as error:
        raise FaninValueError(
            f"there is no such dataset. {received}, and no file has this name. {_ACCEPTED}"
        ) from error
    except OSError as error:
        raise FaninValueError(f"the dataset cannot be read: {error.strerror or error}. {received}.") from error
    except MemoryError as error:
        raise FaninValueError(f"the dataset does not fit into memory. {received}. Use a part of it.") from error
    except Exception as error:  # whatever NumPy, zipfile and zlib raise at a file that is damaged, or was never one
        if "Object arrays" in str(error):
            raise FaninValueError(
                f"the dataset holds Python objects, which are not read, for they could run a program. {received}. "
                f"Save them as X=inputs.astype(float), y=labels.astype(str)."
            ) from error
        fault = "is damaged" if zipfile.is_zipfile(path) else "is not an .npz file, or its end is missing"
        raise FaninValueError(f"the dataset {fault}. {received}. {_ACCEPTED}") from error


def prepare(name: str, inputs: NDArray[Any], labels: NDArray[Any]) -> Data:
    """Check, scale and split arrays.

    Samples with one axis of features are standardised feature by feature; images, with more axes, by one mean and
    deviation, since a border pixel that is hardly ever lit must not count as much as the others.

    Raises:
        FaninValueError: X is not numeric, finite and (samples, ...); or y is not one class label for each sample, with
            two classes at least and two samples of each.
    """
    x, y = _checked_inputs(np.asarray(inputs)), _checked_labels(np.asarray(labels))
    if len(x) != len(y):
        raise FaninValueError(f"X and y must have as many samples. Received: X of {len(x)} and y of {len(y)}.")
    names, y = np.unique(y, return_inverse=True)
    counts = np.bincount(y)
    if len(names) < 2 or counts.min() < 2:
        raise FaninValueError(
            f"y must hold at least two classes, with two samples of each. Received: {_how_many(counts)}."
        )
    test = _test_samples(y)
    axis = 0 if x.ndim == 2 else None
    received = np.abs(x).max()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # checked below
        x = x.astype(np.float64)
        # By a power of two, which rounds nothing, so that no square leaves the range of a double.
        x = np.ldexp(x, -np.frexp(np.abs(x[~test]).max(axis=axis))[1])
        x_train = x[~test]
        mean, deviation = x_train.mean(axis=axis), x_train.std(axis=axis)
        scaled = (x - mean) / np.where(deviation > 0, deviation, 1.0)
    if not np.any(deviation > 0):
        raise FaninValueError(
            "X must vary from sample to sample. Received: only constant features. Check how it was saved."
        )
    if not (np.abs(scaled) < 1e18).all():  # whose squares float32 holds
        raise FaninValueError(
            f"X must be of one order of magnitude, more or less. Received: values up to {received:.3g}, which "
            f"standardising leaves beyond 1e18. Rescale or remove them."
        )
    flat = np.ascontiguousarray(scaled.reshape(len(x), -1), dtype=np.float64)
    y = y.astype(np.int64)
    whole = _whole(np.asarray(inputs))
    came = (None, None) if whole is None else (whole[~test], whole[test])
    return Data(name, flat[~test], y[~test], flat[test], y[test], len(names), tuple(x.shape[1:]), *came)


def _whole(inputs: NDArray[Any]) -> NDArray[np.integer[Any]] | None:
    """Return whole numbers as tables of vectors take them, int32 or int64; None of others."""
    if inputs.dtype.kind not in "iu" or inputs.dtype == np.uint64:
        return None
    flat = inputs.reshape(len(inputs), -1)
    return flat if flat.dtype in (np.int32, np.int64) else flat.astype(np.int64)


def _how_many(counts: NDArray[np.int64]) -> str:
    low, high = int(counts.min()), int(counts.max())
    samples = f"{high} sample{'s' if high != 1 else ''}" if low == high else f"{low} to {high} samples"
    return f"1 class, of {samples}" if len(counts) == 1 else f"{len(counts)} classes, of {samples} each"


def _checked_inputs(x: NDArray[Any]) -> NDArray[Any]:
    if x.dtype.kind not in "fiub":
        raise FaninValueError(f"X must hold real numbers. Received: dtype {x.dtype}.")
    if x.ndim < 2 or x.size == 0:
        raise FaninValueError(f"X must have the shape (samples, features, ...), not empty. Received: shape {x.shape}.")
    bad = ~np.isfinite(x)
    if bad.any():
        raise FaninValueError(
            f"X must be finite. Received: {int(bad.sum())} values that are NaN or infinite, the first in sample "
            f"{int(np.argwhere(bad)[0, 0])}. Remove those samples, or fill the gaps."
        )
    return x


def _checked_labels(y: NDArray[Any]) -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise FaninValueError(f"y must hold one class label per sample, shape (samples,). Received: shape {y.shape}.")
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.floor(y)).all()):
        raise FaninValueError(
            "y must hold class labels: whole numbers or text. Received: fractions or NaN. Round or bin them first."
        )
    if y.dtype.kind not in "fiubUS":
        raise FaninValueError(f"y must hold class labels: whole numbers or text. Received: dtype {y.dtype}.")
    return y


def _shuffled(count: int, *key: int) -> NDArray[np.int64]:
    """Return a permutation that depends on the key alone.

    NumPy keeps the raw words of its bit generators stable from version to version, and not its shuffles.
    """
    words = np.random.Philox(key=np.array(key, dtype=np.uint64)).random_raw(count)
    return np.argsort(words, kind="stable")


def _test_samples(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which samples are for the test: of each class one in five, and at least one."""
    test = np.zeros(len(labels), dtype=np.bool_)
    order = _shuffled(len(labels), 0, 0)
    for label in range(int(labels.max()) + 1):
        members = order[labels[order] == label]
        test[members[: max(1, len(members) // _TEST_PART)]] = True
    return test


def batches(samples: int, batch_size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the samples of each step of an epoch, shape (steps, batch size); an incomplete batch is dropped."""
    size = min(batch_size, samples)
    order = _shuffled(samples, seed, epoch + 1)
    return order[: samples // size * size].reshape(-1, size)
