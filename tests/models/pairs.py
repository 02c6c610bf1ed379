"""A network in torch and the same one in JAX: the weights of both, each drawn by its own framework, and outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch
from flax import nnx
from torch import nn

import fanin
import fanin_jax
import fanin_torch
from fanin import Scheme
from fanin.initializers import Constant
from fanin.models.parameter import part_name

SEED = 3


@dataclass(frozen=True)
class Port:
    """A network of JAX, as a function of a key.

    Attributes:
        function: What `fanin_jax.record` takes.
        args: Its other arguments.
        run: Its forward pass: of what the function returns, and of an input.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    run: Callable[[Any, np.ndarray], Any]


@dataclass(frozen=True)
class Pair:
    """A network of torch, and its port.

    Attributes:
        build: What makes the module.
        port: What makes the port; with the name of a mistake, the port with it.
        names: The port's names to torch's.
        input: What both are given.
        run: The forward pass of the module.
        prepare: What is said of torch's scheme beside what its recording says: pieces of packed tensors, layouts.
    """

    build: Callable[[], nn.Module]
    port: Callable[[str], Port]
    names: Mapping[str, str | Sequence[str]]
    input: np.ndarray
    run: Callable[[Any, torch.Tensor], torch.Tensor]
    prepare: Callable[[Scheme], Scheme] = field(default=lambda scheme: scheme)

    @cached_property
    def ported(self) -> Scheme:
        """The port's scheme, with torch's laws and streams."""
        port = self.port("")
        return fanin_jax.record(port.function, *port.args).like(self.recorded[1], self.names)

    @cached_property
    def recorded(self) -> tuple[nn.Module, Scheme]:
        """The module without weights, and its own scheme."""
        with fanin_torch.record(draw=False) as recording:
            module = self.build()
        return module.eval(), self.prepare(recording.scheme(module))

    def expected(self, scheme: Scheme) -> np.ndarray:
        """Return the output of torch's network with the weights of a scheme, which stay in it."""
        module = fanin_torch.init_module_(self.recorded[0], scheme, seed=SEED)
        with torch.no_grad():
            return self.run(module, torch.from_numpy(self.input)).numpy()

    def found(self, scheme: Scheme, mistake: str = "") -> np.ndarray:
        """Return the output of the port with the weights of torch's scheme."""
        port = self.port(mistake)
        ported = fanin_jax.record(port.function, *port.args).like(scheme, self.names)
        built = fanin_jax.build(port.function, *port.args, seed=SEED, scheme=ported)
        return np.asarray(port.run(built, self.input))


def torch_arrays(module: nn.Module, scheme: Scheme) -> dict[str, np.ndarray]:
    """Return what a module holds by name, each in the order (out, in, *kernel), as one axis; also pieces, by stream."""
    found = {}
    for name, tensor in module.state_dict().items():
        found[name] = canonical(tensor.numpy(), scheme[name].layout) if name in scheme else tensor.numpy().ravel()
        for k, part in enumerate(scheme[name].parts if name in scheme else ()):
            piece = tensor.numpy()[tuple(slice(*ends) for ends in part.region)]
            found[str(part.parameter.stream or part_name(name, k))] = canonical(piece, part.parameter.layout)
    return found


def jax_arrays(built: Any, scheme: Scheme) -> dict[str, np.ndarray]:
    """Return the arrays of a tree by name, in the same order."""
    tree = nnx.to_pure_dict(nnx.state(built)) if isinstance(built, nnx.Module) else built
    found = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        words = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", None)))) for key in path]
        name = ".".join(words[1:] if words[0] in ("params", "batch_stats") else words)
        if name in scheme:
            found[name] = canonical(np.asarray(leaf), scheme[name].layout)
    return found


def canonical(array: np.ndarray, layout: str | None) -> np.ndarray:
    """Return the elements in the order (out, in, *kernel)."""
    order = range(array.ndim) if layout is None else sorted(range(array.ndim), key=lambda k: "OIDHW".index(layout[k]))
    return array.transpose(order).ravel()


def stirred(scheme: Scheme) -> Scheme:
    """Return a scheme whose constants are random: scales and variances about 1, the others about 0.

    Networks start with biases of 0 and scales of 1, so that two of them that are taken for each other do not show.
    """
    laws = {0.0: fanin.normal(std=0.1), 1.0: fanin.uniform(0.5, 1.5)}
    made = {}
    for name, parameter in scheme.items():
        law = parameter.initializer
        if isinstance(law, Constant) and parameter.dtype == "float32":
            made[name] = dataclasses.replace(parameter, initializer=laws[law.value])
        else:
            made[name] = parameter
    return Scheme(made)


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, as a fraction of the largest output."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
