"""What the conformance suite leaves open of whole matrices: rounding, memory orders, torch's functions and layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # its usual name

import fanin
import fanin_torch
from fanin import reference
from fanin.conformance.case import Case
from fanin.conformance.exact.cases.matrices import ORTHOGONAL
from fanin.dtypes import dtype_of
from fanin.exceptions import FaninValueError
from fanin.plans import Plan
from fanin_torch import TorchBackend, _matrix
from fanin_torch._draw import draw_into, draw_with_torch
from fanin_torch._dtypes import DTYPES

Drawer = Callable[[Plan, torch.Tensor], None]

BACKEND = TorchBackend()
PATHS = pytest.mark.parametrize("drawer", [draw_into, draw_with_torch])

EXACT = {"identity": fanin.identity(0.3), "dirac": fanin.dirac(1.1), "sparse": fanin.sparse(0.6, 0.5)}
CLOSE = {"orthogonal": fanin.orthogonal(1.7), "delta_orthogonal": fanin.delta_orthogonal(0.7)}


def drawn(drawer: Drawer, plan: Plan) -> torch.Tensor:
    tensor = torch.full(plan.shape, 9.0).to(DTYPES[plan.dtype])
    drawer(plan, tensor)
    return tensor


@PATHS
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("case", ORTHOGONAL, ids=str)
def test_a_narrow_orthogonal_weight_is_the_rounded_float32(drawer: Drawer, case: Case, dtype: str) -> None:
    narrow, wide = (drawn(drawer, replace(case, dtype=kind).plan()) for kind in (dtype, "float32"))
    number_format = dtype_of(dtype)
    patterns = [number_format.encode(number_format.round(weight)) for weight in wide.view(-1).tolist()]
    data = BACKEND.tobytes(narrow)
    size = number_format.itemsize
    assert [int.from_bytes(data[k : k + size], "little") for k in range(0, len(data), size)] == patterns


def test_an_orthogonal_weight_is_rounded_to_float32_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a tie of float16 by less than float32 resolves: rounded once it would be 1 + 2^-10."""
    monkeypatch.setattr(_matrix, "_orthogonal", lambda matrices: torch.full_like(matrices, 1 + 2.0**-11 + 2.0**-30))
    plan = fanin.plan((2, 2), "orthogonal", layout="OI", dtype="float16")
    assert drawn(draw_with_torch, plan).tolist() == [[1.0] * 2] * 2


@PATHS
@pytest.mark.parametrize("name", EXACT | CLOSE)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("step", [1, 3])
def test_any_memory_order(drawer: Drawer, name: str, dtype: str, step: int) -> None:
    plan = fanin.plan((7, 5), (EXACT | CLOSE)[name], layout="OI", name="w", dtype=dtype)
    view = torch.full((5 * step, 7 * step), 9.0).to(DTYPES[dtype])[::step, ::step].T
    drawer(plan, view)
    assert BACKEND.tobytes(view) == BACKEND.tobytes(drawn(drawer, plan))


@pytest.mark.parametrize("chunk", [1, 20, 1000])
def test_chunks_do_not_change_the_bits(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    arguments: dict[str, Any] = {"layout": "IIO", "name": "w", "slices": (slice(1, 4), slice(0, 3), slice(2, 9))}
    plan = fanin.plan((5, 3, 10), fanin.sparse(0.5), **arguments)
    monkeypatch.setattr(_matrix, "_CHUNK", chunk)
    assert BACKEND.tobytes(drawn(draw_with_torch, plan)) == reference.tobytes(plan)


def test_of_equal_words_the_first_are_smallest() -> None:
    words = torch.tensor([[5, 0, 5, 5, 9], [7, 7, 7, 7, 7], [-1, -1, 0, -1, -(1 << 31)]], dtype=torch.int32)
    found = [row.nonzero().view(-1).tolist() for row in _matrix._smallest(words, 3)]
    assert found == [[0, 1, 2], [0, 1, 2], [0, 2, 4]]


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7)])
def test_identity_is_torch_s_eye(shape: tuple[int, int]) -> None:
    ours = fanin_torch.init_(torch.empty(shape), "identity")
    assert torch.equal(ours, torch.nn.init.eye_(torch.empty(shape)))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "shape", [(6, 3, 5), (6, 3, 4), (4, 6, 2), (6, 3, 2, 3), (4, 5, 4, 4), (6, 2, 2, 3, 4), (4, 3, 1, 1)]
)
def test_dirac_is_torch_s(shape: tuple[int, ...], groups: int) -> None:
    ours = fanin_torch.init_(torch.empty(shape), "dirac", groups=groups)
    assert torch.equal(ours, torch.nn.init.dirac_(torch.empty(shape), groups))


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("kernel", [(1,), (3,), (4,), (2, 3), (4, 5), (2, 3, 4)])
def test_dirac_passes_its_input_on(kernel: tuple[int, ...], groups: int) -> None:
    """Through torch's convolution with padding k // 2, which for an even k gives one position more."""
    channels = 6
    weight = fanin_torch.init((channels, channels // groups, *kernel), "dirac", groups=groups)
    signal = torch.arange(2.0 * channels * 5 ** len(kernel)).view(2, channels, *(5,) * len(kernel))
    convolution: Any = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(kernel)]
    passed = convolution(signal, weight, padding=[k // 2 for k in kernel], groups=groups)
    assert torch.equal(passed[(...,) + (slice(0, 5),) * len(kernel)], signal)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("kernel", [(1,), (3,), (4,), (2, 3)])
def test_dirac_passes_its_input_through_a_transposed_convolution(kernel: tuple[int, ...], groups: int) -> None:
    channels = 6
    weight = fanin_torch.init((channels, channels // groups, *kernel), "dirac", groups=groups, transposed=True)
    signal = torch.arange(2.0 * channels * 5 ** len(kernel)).view(2, channels, *(5,) * len(kernel))
    convolution: Any = {1: F.conv_transpose1d, 2: F.conv_transpose2d}[len(kernel)]
    passed = convolution(signal, weight, groups=groups)
    assert torch.equal(passed[(..., *(slice(k // 2, k // 2 + 5) for k in kernel))], signal)


@pytest.mark.parametrize(("out", "groups"), [(6, 1), (12, 1), (6, 3), (12, 3)])
@pytest.mark.parametrize("kernel", [(3,), (4,), (3, 4)])
def test_delta_orthogonal_keeps_the_norm_of_a_circular_convolution(
    out: int, groups: int, kernel: tuple[int, ...]
) -> None:
    weight = fanin_torch.init(
        (out, 6 // groups, *kernel), fanin.delta_orthogonal(0.5), groups=groups, name="w", dtype="float64"
    )
    signal = fanin_torch.init((2, 6, *(7,) * len(kernel)), fanin.normal(std=1.0), name="signal", dtype="float64")
    around = [side for k in reversed(kernel) for side in (k // 2, (k - 1) // 2)]
    convolution: Any = {1: F.conv1d, 2: F.conv2d}[len(kernel)]
    passed = convolution(F.pad(signal, around, mode="circular"), weight, groups=groups)
    assert passed.shape == (2, out, *(7,) * len(kernel))
    torch.testing.assert_close(passed.flatten(1).norm(dim=1), 0.5 * signal.flatten(1).norm(dim=1), rtol=1e-14, atol=0)


@pytest.mark.parametrize(("sparsity", "shape"), [(0.1, (30, 4)), (0.07, (100, 3)), (0.5, (7, 9)), (0.999, (10, 4))])
def test_sparse_has_as_many_zeros_as_torch_s(sparsity: float, shape: tuple[int, int]) -> None:
    ours = fanin_torch.init_(torch.empty(shape), fanin.sparse(sparsity), name="w")
    theirs = torch.nn.init.sparse_(torch.empty(shape), sparsity)
    assert torch.equal((ours == 0).sum(dim=0), (theirs == 0).sum(dim=0))


@pytest.mark.parametrize(("shape", "rows"), [((300, 200), 300), ((64, 30, 3, 3), 64), ((100, 100), 100)])
def test_orthogonal_law_on_a_device(shape: tuple[int, ...], rows: int) -> None:
    def matrix(initialization: fanin.Initializer) -> torch.Tensor:
        layout = "OIHW"[: len(shape)]
        plan = fanin.plan(shape, initialization, layout=layout, seed=4, name="w", dtype="float64")
        found = drawn(draw_with_torch, plan).view(rows, -1)
        return found if rows >= found.shape[1] else found.T

    q, a = matrix(fanin.orthogonal()), matrix(fanin.normal(std=1.0))
    torch.testing.assert_close(q.T @ q, torch.eye(q.shape[1], dtype=torch.float64), rtol=0, atol=1e-14)
    triangular = q.T @ a
    assert float(triangular.tril(-1).abs().max()) < 1e-12
    assert bool((triangular.diagonal() > 0).all())


def test_in_place_on_a_module() -> None:
    layer = torch.nn.Linear(6, 4)
    before = layer.weight._version
    assert fanin_torch.init_(layer.weight, "orthogonal", name="weight") is layer.weight
    assert layer.weight._version > before
    torch.testing.assert_close(layer.weight @ layer.weight.T, torch.eye(4))
    with pytest.raises(FaninValueError, match="State the layout"):
        fanin_torch.init_(layer.bias, "orthogonal", name="bias")
