"""`init`, `init_parameters` and `draw`: which plans a backend is given, with a backend that writes them down."""

from __future__ import annotations

from typing import Any

import pytest

import fanin
from fanin.contract import Backend, Capabilities, Description
from fanin.exceptions import FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import Fill


class Recorder:
    """A backend whose arrays are the plans themselves."""

    name = "recorder"
    SPEC_VERSION = 1
    capabilities = Capabilities(dtypes=frozenset({"float32", "bfloat16"}))

    def __init__(self) -> None:
        self.drawn: list[tuple[Plan, Any]] = []

    def draw(self, plan: Plan, *, device: Any = None) -> Plan:
        self.drawn.append((plan, device))
        return plan

    def tobytes(self, array: Any) -> bytes:
        raise NotImplementedError

    def describe(self, array: Any) -> Description:
        raise NotImplementedError


def test_recorder_is_a_backend() -> None:
    assert isinstance(Recorder(), Backend)


def test_init_hands_every_argument_to_the_plan() -> None:
    recorder = Recorder()
    arguments: dict[str, Any] = {
        "layout": "IOHW",
        "seed": 7,
        "name": "w",
        "dtype": "bfloat16",
        "slices": slice(1, 3),
        "groups": 2,
        "transposed": True,
        "stride": (2, 3),
    }
    drawn = fanin.init((8, 6, 4, 5), "lecun_uniform", backend=recorder, device="there", **arguments)
    assert recorder.drawn == [(fanin.plan((8, 6, 4, 5), "lecun_uniform", **arguments), "there")]
    assert drawn is recorder.drawn[0][0]


def test_init_is_he_by_default() -> None:
    drawn: Plan = fanin.init((3, 5), layout="OI", backend=Recorder())
    assert (drawn.initializer, drawn.seed, drawn.name, drawn.dtype) == (fanin.he_normal(), 0, None, "float32")


@pytest.mark.parametrize(("layout", "shapes"), [("OI", [(7, 5), (3, 7)]), ("IO", [(5, 7), (7, 3)])])
@pytest.mark.parametrize("initialization", ["zeros", "random", "he", fanin.uniform(-1.0, 2.0)], ids=str)
def test_init_parameters(layout: str, shapes: list[tuple[int, int]], initialization: Any) -> None:
    recorder = Recorder()
    parameters: dict[str, Plan] = fanin.init_parameters(
        [5, 7, 3], initialization, seed=2**40, backend=recorder, dtype="bfloat16", device="there", layout=layout
    )
    assert list(parameters) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [device for _, device in recorder.drawn] == ["there"] * 4
    for k, shape in enumerate(shapes):
        name = f"layers.{k}.weight"
        expected = fanin.plan(shape, initialization, layout=layout, seed=2**40, name=name, dtype="bfloat16")
        assert parameters[name] == expected
        bias = parameters[f"layers.{k}.bias"]
        assert (bias.shape, bias.rule, bias.dtype) == ((7 - 4 * k,), Fill(0.0), "bfloat16")


def test_both_layouts_of_a_network_hold_the_same_weights() -> None:
    """Element (o, i) of one is element (i, o) of the other: the same stream and the same logical index."""
    oi, io = (fanin.init_parameters([5, 7], backend=Recorder(), layout=layout) for layout in ("OI", "IO"))
    one, other = oi["layers.0.weight"], io["layers.0.weight"]
    assert (one.rule, one.keys) == (other.rule, other.keys)
    assert (one.axes[0], one.axes[1]) == (other.axes[1], other.axes[0])


def test_nothing_is_drawn_where_a_later_layer_is_wrong() -> None:
    recorder = Recorder()
    with pytest.raises(FaninValueError, match="each width"):
        fanin.init_parameters([5, 7, 0], backend=recorder)
    assert recorder.drawn == []


def test_a_dtype_that_the_backend_does_not_draw() -> None:
    recorder = Recorder()
    plan = fanin.plan((3,), "random", dtype="float64")
    with pytest.raises(
        FaninValueError, match=r"'recorder' does not support the dtype float64\. Accepted: bfloat16, float32"
    ):
        fanin.draw(plan, backend=recorder)
    assert recorder.drawn == []
