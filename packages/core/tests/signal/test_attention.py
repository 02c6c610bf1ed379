"""What large logits of an attention come of: its weights, or what it multiplies them by."""

from __future__ import annotations

from typing import Final

import pytest

from fanin.signal import Attention, Layer, ModelProbe

WIDE: Final = 'fanin_torch.init_module_(model, "lecun_normal", seed=0)'


@pytest.mark.parametrize(
    ("name", "width", "line"),
    [
        ("block.attention.query", 1.6, WIDE),
        ("block.attention.query", 1.4, None),
        ("block.attention", 1.6, WIDE),  # which has the weights itself
        ("block.attention", 1.4, None),
        ("block.attention_norm", 1.6, None),  # another layer's
        ("block.attention.query", None, WIDE),  # not known
    ],
)
def test_the_weights_are_blamed_where_they_are_wide(name: str, width: float | None, line: str | None) -> None:
    layers = [
        Layer(one, "Linear", 1.0, 1.0, weight_std=None if wide is None else wide / 8, weight_fan_in=64.0)
        for one, wide in (("stem", 9.0), ("block.attention.out", None if width is None else 0.9), (name, width))
    ]
    (found,) = ModelProbe(layers, attentions=[Attention("block.attention", 9.0, 0.1)]).findings
    assert found.line == line
    assert (found.blamed == "the initialization") == (line is not None)


@pytest.mark.parametrize(("width", "line"), [(1.6, WIDE), (1.4, None)])
def test_of_an_attention_in_no_module_all_layers_count(width: float, line: str | None) -> None:
    layers = [Layer("stem", "Linear", 1.0, 1.0, weight_std=width / 8, weight_fan_in=64.0)]
    (found,) = ModelProbe(layers, attentions=[Attention("the model", 9.0, 0.1)]).findings
    assert found.line == line
