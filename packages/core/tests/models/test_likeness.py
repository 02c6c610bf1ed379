"""Laws and streams carried over: every accepted pair has the same weights, and what cannot is refused."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import fanin
from fanin import FaninError, Initializer, Parameter, Scheme
from fanin.initializers import VarianceScaling
from fanin.models import Part

from .weights import logical, stored

N = fanin.normal(std=0.02)


def carried(target: Parameter, source: Parameter, name: str = "source") -> Parameter:
    return Scheme({"target": target}).like(Scheme({"source": source}), {"target": name})["target"]


PAIRS: dict[str, tuple[Parameter, Parameter]] = {
    "dense": (Parameter((3, 5), layout="IO"), Parameter((5, 3), initializer=fanin.he_normal(), layout="OI")),
    "dense, square": (Parameter((4, 4), layout="IO"), Parameter((4, 4), initializer=fanin.he_normal(), layout="OI")),
    "a bias of heads": (Parameter((3, 5)), Parameter((15,), initializer=N, layout="O")),
    "and back": (Parameter((15,), layout="O"), Parameter((3, 5), initializer=N)),
    "conv": (
        Parameter((2, 3, 5, 4), layout="HWIO"),
        Parameter((4, 5, 2, 3), initializer=fanin.glorot_uniform(), layout="OIHW"),
    ),
    "grouped conv": (
        Parameter((2, 3, 2, 6), layout="HWIO", groups=3),
        Parameter((6, 2, 2, 3), initializer=fanin.he_normal(mode="fan_out"), layout="OIHW", groups=3),
    ),
    "grouped transposed conv": (
        Parameter((2, 3, 6, 5), layout="HWIO", groups=2, transposed=True, stride=(2, 1)),
        Parameter((6, 5, 2, 3), initializer=fanin.he_normal(), layout="IOHW", groups=2, transposed=True, stride=(2, 1)),
    ),
    "attention kernel": (
        Parameter((5, 2, 3), layout="IOO"),
        Parameter((6, 5), initializer=fanin.he_normal(), layout="OI"),
    ),
    "attention output": (
        Parameter((2, 3, 5), layout="IIO"),
        Parameter((5, 6), initializer=fanin.he_normal(), layout="OI"),
    ),
    "attention bias": (Parameter((2, 3), layout="OO"), Parameter((6,), initializer=N, layout="O")),
    "orthogonal": (Parameter((3, 5), layout="IO"), Parameter((5, 3), initializer=fanin.orthogonal(), layout="OI")),
    "dirac": (Parameter((3, 2, 4), layout="WIO"), Parameter((4, 2, 3), initializer=fanin.dirac(), layout="OIW")),
    "a table": (Parameter((7, 4)), Parameter((7, 4), initializer=N)),
    "a table that has a layout here": (Parameter((4, 7), layout="IO"), Parameter((7, 4), initializer=N)),
    "a matrix that has one there": (Parameter((7, 4)), Parameter((4, 7), initializer=N, layout="IO")),
    "the same array": (Parameter((7, 4)), Parameter((7, 4), initializer=fanin.he_normal(), layout="IO")),
    "a grouped transposed kernel, canonical": (
        Parameter((4, 3, 5)),
        Parameter((6, 2, 5), initializer=N, layout="IOW", groups=2, transposed=True),
    ),
    "a token's axes": (Parameter((1, 1, 5)), Parameter((1, 5), initializer=N)),
    "a bias of Equinox": (Parameter((5, 1, 1)), Parameter((5,), initializer=N, layout="O")),
    "a 1 x 1 convolution": (
        Parameter((3, 5), layout="IO"),
        Parameter((5, 3, 1, 1), initializer=fanin.he_normal(), layout="OIHW"),
    ),
    "a stack": (
        Parameter((3, 4, 2), layout="IOS"),
        Parameter((2, 4, 3), initializer=fanin.he_normal(), layout="SOI", stream=("a", "b")),
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_the_weights_are_the_same(case: str) -> None:
    target, source = PAIRS[case]
    made = carried(target, source)
    assert (made.shape, made.dtype) == (target.shape, target.dtype)
    assert logical(made, "other name") == logical(source, "source")
    assert len(set(logical(made, "other name"))) > 1


FANS: dict[str, tuple[Parameter, Parameter, type[Initializer]]] = {
    "the same": (
        Parameter((3, 5), layout="IO"),
        Parameter((5, 3), initializer=fanin.he_normal(), layout="OI"),
        VarianceScaling,
    ),
    "other groups": (
        Parameter((2, 3, 6), layout="WIO"),
        Parameter((6, 3, 2), initializer=fanin.he_normal(mode="fan_out"), layout="OIW", groups=3),
        type(N),
    ),
    "another stride": (
        Parameter((2, 6, 3), layout="WIO"),
        Parameter((6, 3, 2), initializer=fanin.he_normal(), layout="IOW", transposed=True, stride=(2,)),
        type(N),
    ),
    "fans of stored axes": (
        Parameter((3, 5), layout="IO"),
        Parameter((5, 3), initializer=fanin.profile("jax:he_normal", in_axis=0, out_axis=1), layout="OI"),
        type(fanin.truncated_normal()),
    ),
}


@pytest.mark.parametrize("case", FANS)
def test_other_fans_become_the_law(case: str) -> None:
    target, source, kind = FANS[case]
    made = carried(target, source)
    assert isinstance(made.initializer, kind)
    assert logical(made, "w") == logical(source, "source")


REFUSED: dict[str, tuple[Parameter, Parameter, str]] = {
    "transposed by mistake": (
        Parameter((5, 3), layout="IO"),
        Parameter((5, 3), initializer=N, layout="OI"),
        r"target like source: their shapes are \(5, 3\), IO and \(5, 3\), OI",
    ),
    "a bias of another size": (Parameter((3, 5)), Parameter((16,), initializer=N, layout="O"), "their shapes"),
    "no layout, another order": (
        Parameter((3, 5)),
        Parameter((5, 3), initializer=N, layout="OI"),
        r"\(3, 5\), no layout and \(5, 3\), OI",
    ),
    "spatial axes swapped": (
        Parameter((2, 3, 5, 4), layout="HWIO"),
        Parameter((4, 5, 3, 2), initializer=N, layout="OIHW"),
        "their shapes",
    ),
    "a flattened patch": (
        Parameter((12, 4), layout="IO"),
        Parameter((4, 3, 2, 2), initializer=N, layout="OIHW"),
        "their shapes",
    ),
    "a flattened table": (Parameter((12,)), Parameter((3, 4), initializer=N), "their shapes"),
    "a head as a bias": (
        Parameter((1, 5), layout="OI"),
        Parameter((5, 1), initializer=N, layout="OI"),
        "their shapes",
    ),
    "other groups of a transposed kernel": (
        Parameter((8, 2, 3), layout="IOW", groups=2, transposed=True),
        Parameter((4, 4, 3), initializer=N, layout="IOW", groups=1, transposed=True),
        "groups=2, transposed",
    ),
    "groups that split an axis": (
        Parameter((2, 3, 2), layout="IIO", groups=3, transposed=True),
        Parameter((6, 2), initializer=N, layout="IO", groups=3, transposed=True),
        "do not split the in-axes",
    ),
    "another number of slices": (
        Parameter((3, 4), layout="SO"),
        Parameter((2, 4), initializer=N, layout="SO", stream=("a", "b")),
        "their shapes",
    ),
    "one slice of a stack": (
        Parameter((3, 4)),
        Parameter((2, 3, 4), initializer=N, layout="SOI", stream=("a", "b")),
        "their shapes",
    ),
    "no stack": (
        Parameter((2, 4), layout="IO"),
        Parameter((2, 4), initializer=N, layout="SO", stream=("a", "b")),
        "their shapes",
    ),
    "another matrix": (
        Parameter((2, 3, 6), layout="WIO"),
        Parameter((6, 3, 2), initializer=fanin.orthogonal(), layout="OIW", groups=3),
        "makes another matrix",
    ),
    "a matrix without a layout": (
        Parameter((6, 3)),
        Parameter((3, 6), initializer=fanin.orthogonal(), layout="IO"),
        "makes another matrix",
    ),
    "what cannot be drawn": (
        Parameter((3, 6), layout="IO"),
        Parameter((6, 3), initializer=fanin.he_normal()),
        "the source cannot be drawn: .*State the layout",
    ),
    "a buffer of integers": (Parameter((4,), "int64"), Parameter((4,), initializer=N), "real floating-point"),
    "packed, in another order": (
        Parameter((4, 4), layout="IO"),
        Parameter((4, 4), layout="OI", parts=(Part(((0, 4), (0, 4)), Parameter((4, 4), initializer=N)),)),
        "packed of 1 parts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    target, source, message = REFUSED[case]
    with pytest.raises(FaninError, match=message):
        carried(target, source)


def test_all_faults_in_one_message() -> None:
    target = Scheme({name: Parameter((3, 5), layout="OI") for name in ("fine", "shape", "fc.wieght", "stack")})
    source = Scheme({name: Parameter((3, 5), initializer=N, layout="OI") for name in ("fine", "fc.weight")})
    source = Scheme({**source, "shape": Parameter((5, 3), initializer=N, layout="OI")})
    with pytest.raises(FaninError) as caught:
        target.like(source, {"unknown": "fine", "stack": ["fine", "shape"]})
    lines = str(caught.value).splitlines()
    assert lines[0] == "4 faults, 4 parameters, and nothing was changed:"
    assert [line.partition(":")[0] for line in lines[1:5]] == [
        "- names has 'unknown', which this scheme has not.",
        "- shape like shape",
        "- fc.wieght",
        "- stack like fine, shape",
    ]
    assert "Did you mean 'fc.weight'?" in lines[3]


@pytest.mark.parametrize(
    ("names", "message"),
    [(["w"], "must map"), ({"w": 5}, "'w': 5"), ({"w": ["a", 5]}, "to a list"), ({5: "w"}, "5: 'w'")],
)
def test_names_that_are_none(names: Any, message: str) -> None:
    scheme = Scheme({"w": Parameter((3,), initializer=N)})
    with pytest.raises(FaninError, match=message):
        scheme.like(scheme, names)
    with pytest.raises(FaninError, match=r"another fanin\.Scheme\. Received: dict"):
        scheme.like(dict(scheme))  # type: ignore[arg-type]


PACKED = Parameter(
    (7, 3),
    initializer=fanin.zeros(),
    parts=(
        Part(((0, 4), (0, 3)), Parameter((4, 3), initializer=N)),
        Part(((4, 6), (0, 3)), Parameter((2, 3), initializer=fanin.he_normal(), layout="OI", stream="keys")),
    ),
)


@pytest.mark.parametrize(("name", "shape"), [("source#0", (3, 4)), ("keys", (3, 2)), ("source#1", (3, 2))])
def test_a_part_by_its_stream(name: str, shape: tuple[int, int]) -> None:
    made = carried(Parameter(shape, layout="IO"), PACKED, name)
    part = PACKED.parts[0 if name.endswith("0") else 1].parameter
    assert logical(made, "w") == logical(part, "source#0")


@pytest.mark.parametrize("layout", [None, "OI"])
def test_a_packed_parameter_as_it_is(layout: str | None) -> None:
    made = carried(Parameter((7, 3), "bfloat16", layout=layout), PACKED)
    assert made.dtype == "bfloat16"
    assert stored(made, "w") == stored(PACKED.with_dtype("bfloat16"), "source")


def test_parts_of_a_part() -> None:
    inner = Parameter((4,), parts=(Part(((0, 4),), Parameter((4,), initializer=N)),))
    outer = Parameter((6,), initializer=fanin.ones(), parts=(Part(((0, 4),), inner),))
    assert logical(carried(Parameter((4,), layout="O"), outer, "source#0#0"), "w") == stored(inner, "source#0")
    assert stored(carried(Parameter((6,)), outer), "w") == stored(outer, "source")


LAYERS = Scheme({f"l.{k}.w": Parameter((4, 3), initializer=fanin.he_normal(), layout="OI") for k in range(2)})
STACK = Parameter((3, 2, 4), initializer=fanin.he_normal(), layout="ISO", stream=("l.0.w", "l.1.w"))


def test_a_stack_like_separate_layers() -> None:
    made = Scheme({"w": Parameter((3, 2, 4), layout="ISO")}).like(LAYERS, {"w": ["l.0.w", "l.1.w"]})
    assert made == Scheme({"w": STACK})
    separate = [weight for name in LAYERS for weight in logical(LAYERS[name], name)]
    assert logical(made["w"], "w") == separate


def test_separate_layers_like_a_stack() -> None:
    made = LAYERS.like(Scheme({"w": STACK}))
    assert [logical(made[name], "") for name in LAYERS] == [logical(LAYERS[name], name) for name in LAYERS]


def test_fans_of_a_stack_are_kept() -> None:
    """Axes that are numbered are others in a slice than in the stack, either way: what is carried over is the law."""
    law = fanin.profile("jax:he_normal", in_axis=1, out_axis=2)
    stack = Parameter((2, 3, 4), initializer=law, layout="SIO", stream=("a", "b"))
    made = Scheme({"a": Parameter((3, 4), layout="IO")}).like(Scheme({"w": stack}))["a"]
    assert logical(made, "a") == logical(stack, "w")[:12]
    law = fanin.profile("jax:he_normal", in_axis=0, out_axis=1)
    slices = Scheme({name: Parameter((3, 4), initializer=law, layout="IO") for name in "ab"})
    both = Scheme({"w": Parameter((2, 3, 4), layout="SIO")}).like(slices, {"w": ["a", "b"]})["w"]
    assert logical(both, "w") == logical(slices["a"], "a") + logical(slices["b"], "b")


def test_a_name_comes_before_a_stream() -> None:
    other = Parameter((2,), parts=(Part(((0, 2),), Parameter((2,), initializer=N, stream="a")),))
    source = Scheme({"a": Parameter((3,), initializer=N), "other": other})
    assert Scheme({"a": Parameter((3,))}).like(source)["a"].shape == (3,)


STACKS: dict[str, tuple[Parameter, list[Parameter], str]] = {
    "no stack": (Parameter((2, 3), layout="OI"), [Parameter((4,), initializer=N)] * 2, "is not packed of"),
    "too few": (Parameter((3, 3), layout="SO"), [Parameter((3,), initializer=N)] * 2, "2 sources"),
    "none": (Parameter((0, 3), layout="SO"), [], "0 sources"),
    "another shape": (
        Parameter((2, 3), layout="SO"),
        [Parameter((3,), initializer=N), Parameter((4,), initializer=N)],
        "their shapes",
    ),
    "other laws": (
        Parameter((2, 3), layout="SO"),
        [Parameter((3,), initializer=N), Parameter((3,), initializer=fanin.normal(std=0.03))],
        "those of the sources differ",
    ),
    "one stream": (
        Parameter((2, 3), layout="SO"),
        [Parameter((3,), initializer=N, stream="tied")] * 2,
        "two sources have the same",
    ),
    "no law": (Parameter((2, 3), layout="SO"), [Parameter((3,), initializer=N), Parameter((3,), note="?")], "no law"),
}


@pytest.mark.parametrize("case", STACKS)
def test_stacks_that_are_refused(case: str) -> None:
    target, sources, message = STACKS[case]
    source = Scheme({f"s{k}": one for k, one in enumerate(sources)})
    with pytest.raises(FaninError, match=message):
        Scheme({"w": target}).like(source, {"w": list(source)})


def test_a_stack_of_constants_has_no_streams() -> None:
    source = Scheme({"a": Parameter((3,), initializer=fanin.ones()), "b": Parameter((3,), initializer=fanin.ones())})
    assert Scheme({"w": Parameter((2, 3), layout="SO")}).like(source, {"w": ["a", "b"]})["w"].stream is None


def test_notes_are_carried() -> None:
    made = carried(Parameter((4,), "int64"), Parameter((4,), "int32", note="computed: arange"))
    assert made == Parameter((4,), "int64", note="computed: arange")


LAWS: list[Any] = [
    N,
    fanin.constant(0.5),
    fanin.truncated_normal(std=0.02, lower=-1.0, upper=math.inf),
    "he",
    fanin.he_uniform(mode="fan_out"),
    "glorot_normal",
    "torch:kaiming_uniform",
    "torch:linear_default",
    "jax:lecun_normal",
    "keras:glorot_uniform",
    "orthogonal",
    "torch:orthogonal",
    "delta_orthogonal",
    "identity",
    "dirac",
    "torch:dirac",
    fanin.sparse(0.4),
]


@st.composite
def tensors(draw: st.DrawFn, outputs: int, inputs: int, kernel: tuple[int, ...], stack: int, groups: int) -> Parameter:
    """A tensor of a logical shape: axes split and in any order, a layout or none, transposed or not."""
    transposed = draw(st.booleans()) and outputs % groups == 0
    counts = (outputs // groups, inputs * groups) if transposed else (outputs, inputs)
    axes = []
    for letter, count in zip("OI", counts, strict=True):
        first = draw(st.sampled_from([size for size in range(1, count + 1) if count % size == 0]))
        axes += [(letter, first), (letter, count // first)] if draw(st.booleans()) else [(letter, count)]
    if draw(st.booleans()) and 1 not in kernel:
        kernel = (*kernel, 1)
    axes += zip("DHW"[3 - len(kernel) :], kernel, strict=True)
    axes += [("S", stack)] * (stack > 0)
    if not transposed and not stack and draw(st.integers(0, 5)) == 0:
        return Parameter((outputs, inputs, *kernel))
    order = draw(st.permutations(axes))
    strides = tuple(draw(st.integers(1, 2)) for _ in kernel) if transposed else None
    layout = "".join(letter for letter, _ in order)
    return Parameter(tuple(size for _, size in order), "float32", None, layout, groups, transposed, strides)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_an_accepted_pair_has_the_same_weights(data: st.DataObject) -> None:
    """Random pairs of one logical shape, and some of two; the oracle shares no code with the layouts."""
    numbers = st.integers(1, 6)
    outputs, inputs = data.draw(numbers), data.draw(numbers)
    kernel = tuple(data.draw(st.lists(st.integers(2, 3), max_size=2)))
    stack = data.draw(st.sampled_from([0, 0, 2]))
    groups = data.draw(st.sampled_from([size for size in (1, 2, 3) if outputs % size == 0]))
    source = data.draw(tensors(outputs, inputs, kernel, stack, groups))
    other = (inputs, outputs) if data.draw(st.integers(0, 9)) == 0 and outputs % groups == 0 else (outputs, inputs)
    assume(other[0] % groups == 0)
    target = data.draw(tensors(*other, kernel, stack, groups))
    streams = tuple(f"s{k}" for k in range(stack)) or None
    try:
        law: Initializer = fanin.get_initializer(data.draw(st.sampled_from(LAWS)))
        source = dataclasses.replace(source, initializer=law, stream=streams)
        expected = logical(source, "source")
    except FaninError:
        assume(False)  # the law is not defined for the tensor
    try:
        made = carried(target, source)
    except FaninError as error:
        event("refused")
        refused = str(error)
    else:
        event("accepted")
        assert made.shape == target.shape
        assert logical(made, "target") == expected
        return
    if other == (outputs, inputs) and law.kind in ("normal", "constant", "truncated_normal"):
        lawful = "do not split" in refused or None in (target.layout, source.layout)
        assert lawful or (groups > 1 and target.transposed != source.transposed), refused
