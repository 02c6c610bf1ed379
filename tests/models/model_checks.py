"""What is measured of a published model: its laws, whether they are the model's own, and whether its bits are."""

from __future__ import annotations

import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from fanin.initializers import Constant, Initializer, MatrixInitializer
from fanin.models import Parameter, Scheme
from fanin_torch import record
from fanin_torch._apply_scheme import apply_scheme
from fanin_torch._names import named_tensors

FALSE_ALARM = 1e-9
"""How often one two-sample test fails though both samples follow one law: of 100,000 tests, one in 10,000 runs."""

MOST = 50_000
"""Elements of one law that are compared. Two samples of so many find a std that is off by 6 per cent every time."""

Build = Callable[[], nn.Module]


@dataclass
class Measured:
    """What was found of one model.

    Attributes:
        name: The model.
        kinds: How many tensors are laws, parts, computed without randomness, replayed, or unknown.
        notes: Of each tensor that follows no law, why.
        tested: How many groups of weights that follow one law were compared with the model's own.
        wrong: Laws that the model's own numbers do not follow.
        equal: Of each other way to build it, whether its bits were the same; or why it could not be built so.
        forward: "finite", "not finite", or why it could not be called.
    """

    name: str
    kinds: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    tested: int = 0
    wrong: list[str] = field(default_factory=list)
    equal: dict[str, str] = field(default_factory=dict)
    forward: str = "not tried"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def measure(name: str, build: Build, call: Callable[[nn.Module], object] | None = None) -> Measured:
    """Record a model in four ways, draw it from each, and compare.

    Args:
        name: What the model is called.
        build: Makes it, with random numbers.
        call: Passes a batch through it, and returns what comes out.
    """
    found = Measured(name)
    torch.manual_seed(zlib.crc32(name.encode()))
    with record() as recording:
        model = build()
    scheme = recording.scheme(model)
    for key, parameter in scheme.items():
        kind = kind_of(parameter)
        found.kinds[kind] = found.kinds.get(kind, 0) + 1
        if not parameter.follows_laws:
            found.notes[key] = str(parameter.note)
    own = tensors(model)
    apply_scheme(model, named_tensors(model), scheme, seed=1)
    drawn = tensors(model)
    found.tested, found.wrong = compare(scheme, own, drawn)
    found.forward = forward(model, call)
    for way in ("reseeded", "without drawing", "on meta"):
        try:
            found.equal[way] = again(way, build, scheme, drawn)
        except Exception as error:
            found.equal[way] = f"{type(error).__name__}: {str(error)[:300]}"
    return found


def again(way: str, build: Build, scheme: Scheme, drawn: dict[str, Tensor]) -> str:
    """Build and draw a model in another way; return "equal", or what differs."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    device = nullcontext() if way != "on meta" else _on_meta()
    with record(draw=way == "reseeded") as recording, device:
        model = build()
    if way != "reseeded" and not torch.equal(before, torch.get_rng_state()):
        return "the generator moved"
    apply_scheme(model, named_tensors(model), recording.scheme(model), seed=1)
    other = tensors(model)
    if list(other) != list(drawn):
        return f"names differ: {set(other) ^ set(drawn)}"
    differ = [name for name in drawn if not same_bits(drawn[name], other[name])]
    return f"{len(differ)} differ: {', '.join(differ[:4])}" if differ else "equal"


@contextmanager
def _on_meta() -> Iterator[None]:
    """Build on the meta device, where transformers would leave a model's own initialization out."""
    with torch.device("meta"), ExitStack() as stack:
        if "transformers.modeling_utils" in sys.modules:
            question = "transformers.modeling_utils.get_torch_context_manager_or_global_device"
            stack.enter_context(mock.patch(question, return_value=torch.device("cpu")))
        yield


def kind_of(parameter: Parameter) -> str:
    """Return how a tensor's weights come about."""
    if parameter.parts and parameter.follows_laws:
        return "parts"
    if parameter.initializer is not None:
        return "law"
    note = parameter.note or ""
    return {"random": "replayed", "unknown": "unknown"}.get(note.partition(",")[0].partition(":")[0], "computed")


def tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of a model's parameters and buffers."""
    return {one.names[0]: one.tensor.detach().clone() for one in named_tensors(model)}


def same_bits(one: Tensor, two: Tensor) -> bool:
    """Return whether two tensors have equal bits."""
    if (one.shape, one.dtype) != (two.shape, two.dtype):
        return False
    first, second = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, two))
    return torch.equal(first, second)


def compare(scheme: Scheme, own: dict[str, Tensor], drawn: dict[str, Tensor]) -> tuple[int, list[str]]:
    """Compare a model's own numbers with fanin's, those of one law together; return how many laws, and the wrong."""
    samples: dict[str, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
    firsts: dict[str, str] = {}
    wrong: list[str] = []
    seen: set[str] = set()
    for name, law, key, region in _laws(scheme):
        mine, fanin = own[name][region].detach(), drawn[name][region]
        if isinstance(law, Constant):
            if not torch.equal(mine, fanin):
                wrong.append(f"{name}: {mine.flatten()[:3].tolist()} instead of {law}")
            continue
        stream = str(key)
        if stream in seen:  # a copy of numbers that are in the sample
            continue
        seen.add(stream)
        group = f"{law} {tuple(mine.shape)}" if isinstance(law, MatrixInitializer) else f"{law} {mine.dtype}"
        firsts.setdefault(group, name)
        for sample, tensor in zip(samples[group], (mine, fanin), strict=True):
            sample.append(tensor.double().flatten())
    for group, pair in samples.items():
        one, two = (torch.cat(sample).numpy() for sample in pair)
        step = max(1, len(one) // MOST)
        method = "exact" if len(one) < 200 else "asymp"  # which is wrong for a few numbers
        p = stats.ks_2samp(one[::step], two[::step], method=method).pvalue if len(one) else 1.0
        if p < FALSE_ALARM and not np.array_equal(np.sort(one), np.sort(two)):
            wrong.append(f"{firsts[group]}: {group}, p = {p:.1e}")
    return len(samples), wrong


def _laws(scheme: Scheme) -> Iterator[tuple[str, Initializer, object, Any]]:
    """Yield every law of a scheme: the tensor, the law, the stream, and the elements that follow it."""
    for name, parameter in scheme.items():
        if not parameter.follows_laws:
            continue
        if not parameter.parts:
            assert parameter.initializer is not None
            yield name, parameter.initializer, parameter.stream or name, ...
            continue
        owner = torch.full(parameter.shape, -1)
        for k, part in enumerate(parameter.parts):
            owner[tuple(slice(start, stop) for start, stop in part.region)] = k
        for k, one in enumerate([parameter, *(part.parameter for part in parameter.parts)], start=-1):
            if one.initializer is not None and bool((owner == k).any()):
                yield name, one.initializer, one.stream or (name if k < 0 else f"{name}#{k}"), owner == k


def forward(model: nn.Module, call: Callable[[nn.Module], object] | None) -> str:
    """Pass a batch through a model; return "finite", or what went wrong."""
    if call is None:
        return "no batch known"
    try:
        with torch.no_grad():
            result = call(model.eval())
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    leaves = [leaf for leaf in torch.utils._pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
    if not leaves:
        return "no tensor came out"
    finite = all(bool(torch.isfinite(leaf).all()) for leaf in leaves if leaf.is_floating_point())
    return "finite" if finite else "not finite"
