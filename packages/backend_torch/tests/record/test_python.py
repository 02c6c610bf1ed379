"""What passes between torch and Python: numbers that the code reads, and tensors that are made outside of torch."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fanin.exceptions import FaninValueError
from fanin_torch import build, record


class Made(nn.Module):
    """A linear layer, and a tensor that any code makes of it."""

    def __init__(self, make: Callable[[nn.Linear], Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.made = nn.Parameter(make(self.fc))


def written(tensor: Tensor, how: Callable[[Tensor], object]) -> Tensor:
    how(tensor)
    return tensor


def stored(value: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file)


READ = "unknown: made outside of torch, by code that had read random numbers"
WRITTEN = "unknown: written outside of torch, into the memory that NumPy shares with it"

CALLED = "unknown: written by {}, which is no operation that can be done again"

FROM_RANDOM: dict[str, tuple[str, Callable[[nn.Linear], Tensor]]] = {
    "numpy": (READ, lambda fc: torch.tensor(torch.randn(3).numpy())),
    "a list": (READ, lambda fc: torch.tensor(torch.randn(3).tolist())),
    "another layer's list": (READ, lambda fc: torch.tensor(fc.weight.tolist())),
    "an array": (READ, lambda fc: torch.as_tensor(np.asarray(fc.weight.detach()))),
    "DLPack": (READ, lambda fc: torch.from_numpy(np.from_dlpack(torch.randn(3)) + 1)),
    "NumPy's decomposition": (READ, lambda fc: torch.tensor(np.linalg.qr(torch.randn(3, 3).numpy())[0])),
    "a file": (READ, lambda fc: torch.zeros(2, 3).copy_(stored(fc.weight.detach()))),
    "a pickle": (READ, lambda fc: torch.zeros(3).copy_(pickle.loads(pickle.dumps(torch.randn(3))))),
    "apply_": (CALLED.format("apply_"), lambda fc: torch.randn(3).apply_(lambda x: 7.0)),
    "map_": (CALLED.format("map_"), lambda fc: torch.rand(3).map_(torch.rand(3), lambda x, y: x + 10 * y)),
    "single numbers": (READ, lambda fc: torch.tensor([torch.randn(1).item() for _ in range(3)])),
    "a statistic": (READ, lambda fc: torch.tensor(float(fc.weight.detach().std())).expand(3).clone()),
    "a seed for NumPy": (
        READ,
        lambda fc: torch.tensor(np.random.default_rng(int(torch.randint(99, ()))).normal(size=3)),
    ),
    "written by NumPy": (WRITTEN, lambda fc: written(torch.randn(3), lambda w: np.multiply(w, 2, out=w.numpy()))),
    "zeros written by NumPy": (WRITTEN, lambda fc: written(torch.zeros(3), lambda w: np.copyto(w.numpy(), [1, 2, 3]))),
    "written, and then scaled": (WRITTEN, lambda fc: written(torch.randn(3), lambda w: w.numpy().fill(7)).mul(2)),
}


@pytest.mark.parametrize("name", FROM_RANDOM)
@pytest.mark.parametrize("draw", [True, False])
def test_numbers_that_went_through_python_are_named(name: str, draw: bool) -> None:
    note, make = FROM_RANDOM[name]
    with record(draw) as recording:
        model = Made(make)
    scheme = recording.scheme(model)
    assert scheme["made"].note == note
    assert scheme["fc.weight"].initializer is not None
    with pytest.raises(FaninValueError, match="made cannot be computed again: unknown"):
        build(Made, make)


HARMLESS: dict[str, tuple[Callable[[nn.Linear], Tensor], list[float]]] = {
    "constants that were read": (lambda fc: torch.tensor(torch.arange(3.0).tolist()) * 2, [0, 2, 4]),
    "zeros and ones, after a look": (lambda fc: (fc.weight.tolist(), torch.tensor([0.0, 1.0, 1.0]))[1], [0, 1, 1]),
    "a look at a truth value": (lambda fc: (bool((fc.weight > 9).any()), torch.tensor([3.0, 4.0]))[1], [3, 4]),
    "printed": (lambda fc: (str(fc.weight), f"{fc.weight.detach().std():.3f}", torch.tensor([3.0, 4.0]))[2], [3, 4]),
    "written by NumPy, and then overwritten": (
        lambda fc: written(torch.randn(2), lambda w: w.numpy().sort()).zero_(),
        [0, 0],
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_random_number_can_reach_is_computed(name: str) -> None:
    make, wanted = HARMLESS[name]
    assert build(Made, make, seed=4).made.tolist() == wanted


def test_memory_that_numpy_has_may_be_filled_by_torch() -> None:
    def make(fc: nn.Linear) -> Tensor:
        weight = torch.ones(3)
        weight.numpy()
        return weight.normal_()

    with record(draw=False) as recording:
        model = Made(make)
    assert recording.scheme(model)["made"].initializer is not None


@pytest.mark.parametrize("read", [Tensor.numpy, Tensor.tolist, Tensor.__repr__], ids=["numpy", "tolist", "repr"])
def test_without_drawing_python_reads_real_numbers(read: Callable[[Tensor], object]) -> None:
    """They come from a generator of the recording's own, so that they are the same each time."""
    seen = []
    for _ in range(2):
        with record(draw=False):
            filler = [torch.full((64,), 1e9) for _ in range(8)]  # what fresh memory may hold
            del filler
            seen.append(str(read(torch.randn(64))))
    assert seen[0] == seen[1]
    assert "e+09" not in seen[0]
