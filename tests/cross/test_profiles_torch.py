"""Profiles against the functions of torch.nn.init and the layers of torch.

The numbers that each function hands to its framework's generator are caught on the way, so that nothing is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from asked import Call, asked, assert_same

from fanin import profile
from fanin.layout import Geometry


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every normal and uniform draw of torch, as the arguments it was called with."""
    calls: list[Call] = []

    def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, **rest: Any) -> Any:
        calls.append(("normal", mean, std))
        return tensor

    def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, **rest: Any) -> Any:
        calls.append(("uniform", a, b))
        return tensor

    monkeypatch.setattr(torch.Tensor, "normal_", normal_)
    monkeypatch.setattr(torch.Tensor, "uniform_", uniform_)
    return calls


# Real layers of torch, and their kernels as fanin is told of them.
TORCH: list[tuple[Callable[[], Any], Geometry]] = [
    (lambda: torch.nn.Linear(40, 24), Geometry.of((24, 40), "OI")),
    (lambda: torch.nn.Conv1d(6, 10, 3), Geometry.of((10, 6, 3), "OIW")),
    (lambda: torch.nn.Conv2d(6, 10, (3, 5)), Geometry.of((10, 6, 3, 5), "OIHW")),
    (lambda: torch.nn.Conv3d(6, 10, (2, 3, 5)), Geometry.of((10, 6, 2, 3, 5), "OIDHW")),
    (lambda: torch.nn.Conv2d(12, 8, 3, groups=4), Geometry.of((8, 3, 3, 3), "OIHW", 4)),
    (lambda: torch.nn.Conv2d(12, 24, 3, groups=12), Geometry.of((24, 1, 3, 3), "OIHW", 12)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, (3, 5), 2), Geometry.of((12, 8, 3, 5), "IOHW", 1, True, 2)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, 3, groups=4), Geometry.of((12, 2, 3, 3), "IOHW", 4, True)),
    (lambda: torch.nn.ConvTranspose1d(12, 8, 4, 4), Geometry.of((12, 8, 4), "IOW", 1, True, 4)),
    # the same kernels in the layouts of other frameworks
    (lambda: torch.nn.Conv2d(12, 8, 3, groups=4), Geometry.of((3, 3, 3, 8), "HWIO", 4)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, (3, 5), 2), Geometry.of((3, 5, 12, 8), "HWIO", 1, True, 2)),
]
INIT: Any = torch.nn.init
TORCH_FUNCTIONS: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
    ("kaiming_uniform", INIT.kaiming_uniform_, {}),
    ("kaiming_uniform", INIT.kaiming_uniform_, {"a": math.sqrt(5), "mode": "fan_out"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "relu", "mode": "fan_out"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "tanh"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "selu"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "conv2d"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"a": 0.3}),
    ("xavier_uniform", INIT.xavier_uniform_, {}),
    ("xavier_normal", INIT.xavier_normal_, {"gain": 1.7}),
    ("normal", INIT.normal_, {"std": 0.02}),
    ("normal", INIT.normal_, {}),
    ("uniform", INIT.uniform_, {}),
    ("uniform", INIT.uniform_, {"a": -0.2, "b": 0.3}),
]


@pytest.mark.parametrize(("make", "geometry"), TORCH, ids=[f"{case[1].layout} {case[1].shape}" for case in TORCH])
@pytest.mark.parametrize(
    ("name", "function", "settings"), TORCH_FUNCTIONS, ids=[f"{case[0]} {case[2]}" for case in TORCH_FUNCTIONS]
)
def test_torch(
    name: str,
    function: Callable[..., Any],
    settings: dict[str, Any],
    make: Callable[[], Any],
    geometry: Geometry,
    caught: list[Call],
) -> None:
    weight = make().weight
    assert weight.numel() == math.prod(geometry.shape)
    caught.clear()
    function(weight, **settings)
    assert_same(caught[0], asked(profile(f"torch:{name}", **settings), geometry), 5e-16)


@pytest.mark.parametrize(("make", "geometry"), TORCH, ids=[f"{case[1].layout} {case[1].shape}" for case in TORCH])
def test_torch_defaults(make: Callable[[], Any], geometry: Geometry, caught: list[Call]) -> None:
    make()
    weight, bias = caught
    name = "linear_default" if geometry.layout == "OI" else "conv_default"
    assert_same(weight, asked(profile(f"torch:{name}"), geometry), 5e-16)
    fan_in = profile(f"torch:{name}").fans(geometry).fan_in
    assert_same(bias, asked(profile("torch:bias_default", fan_in=fan_in), geometry), 5e-16)


def test_torch_s_other_layers(caught: list[Call]) -> None:
    torch.nn.LSTM(7, 9)
    rnn = asked(profile("torch:rnn_default", hidden_size=9), Geometry.of((36, 7), "OI"))
    assert len(caught) == 4
    for call in caught:
        assert_same(call, rnn, 5e-16)
    caught.clear()
    torch.nn.Embedding(50, 9)
    assert_same(caught[0], asked(profile("torch:embedding_default"), Geometry.of((50, 9), "IO")), 0.0)
    caught.clear()
    attention = torch.nn.MultiheadAttention(16, 4)
    packed = Geometry.of(tuple(attention.in_proj_weight.shape), "OI")
    expected = asked(profile("torch:attention_default"), packed)
    (found,) = (call for call in caught if math.isclose(call[2], expected[2], rel_tol=1e-3))
    assert_same(found, expected, 5e-16)
