"""What saturated units come of: the weights, or the data."""

from __future__ import annotations

import pytest

from fanin.signal import Layer, ModelProbe


@pytest.mark.parametrize(
    ("before", "own", "line"),
    [
        (1.0, 1.0, False),
        (1.0, 1.3, True),
        (1.3, 1.0, True),  # its inputs are too large, and come of wide weights
        (1.0, None, True),  # not known
    ],
)
def test_the_data_are_blamed_where_all_weights_fit(before: float, own: float | None, line: bool) -> None:
    first, second = (
        Layer(
            f"layers.{k}",
            "Linear",
            1.0,
            1.0,
            activation="tanh",
            saturated=0.9 * k,
            weight_std=None if width is None else width * 5 / 3 / 8,
            weight_fan_in=64.0,
        )
        for k, width in enumerate((before, own))
    )
    (found,) = ModelProbe([first, second]).findings
    assert (found.kind, found.line is not None) == ("saturated", line)
    assert found.blamed == ("the initialization" if line else "the size of the data")
