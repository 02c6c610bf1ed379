"""A trainer of a person's own module, for `fanin compare --model`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import is_lazy

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.parse import parse_initialization
from fanin.lab.network import OWN
from fanin.lab.trainer import Trace
from fanin_torch._as_it_was import as_it_was, seeded
from fanin_torch._layers import geometry_of
from fanin_torch._module import init_module_

__all__ = ["ModelTrainer"]

Array: TypeAlias = NDArray[Any]

_TABLES: Final = (nn.Embedding, nn.EmbeddingBag)
"""No law of layers is for these: they stay as the model's own code has drawn them."""


class ModelTrainer:
    """A `fanin.lab.trainer.Trainer` of a module; its layers are those with a dense or convolutional weight."""

    def __init__(
        self,
        build: Callable[[], object],
        label: str,
        *,
        seed: int = 0,
        dtype: str = "float32",
        learning_rate: float = 1.0,
        device: str | None = None,
        sample: tuple[int, ...] = (),
        classes: int = 2,
    ) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = build()
        if not isinstance(model, nn.Module):
            raise FaninTypeError(f"--model names a function that builds a torch.nn.Module. Received: {model!r}.")
        if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
            raise FaninValueError(
                "the model has lazy layers, whose shapes are not known. Run it on one batch in the function that "
                "builds it."
            )
        if not any(one.requires_grad for one in model.parameters()):
            raise FaninValueError("no parameter of the model requires gradients, so that there is nothing to train.")
        model = model.to(device=device, dtype=getattr(torch, dtype))
        law = None if label == OWN else parse_initialization(label)
        kept = {f"{path}.weight": None for path, one in model.named_modules() if isinstance(one, _TABLES)}
        self._model = model if law is None else init_module_(model, law, seed=seed, overrides=kept, constants="keep")
        self._layers = [
            one
            for one in model.modules()
            if isinstance(one.__dict__.get("_parameters", {}).get("weight"), Tensor)
            and geometry_of(one, "weight", one.get_parameter("weight")) is not None
        ]
        if len(self._layers) < 2:
            raise FaninValueError(
                f"a model to compare has two or more dense or convolutional layers. Received: {len(self._layers)} in "
                f"{type(model).__name__}."
            )
        self._rate, self._sample, self._classes, self._seed = learning_rate, sample, classes, seed
        self._steps = 0

    @property
    def units(self) -> list[int]:
        """The units or channels of each layer."""
        return [self._geometry(one)[0] for one in self._layers]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The parameters, by their names in the model."""
        return {name: one.detach() for name, one in self._model.named_parameters()}

    def _geometry(self, layer: nn.Module) -> tuple[int, Tensor]:
        """Return how many units a layer has, and its weight with them along the first axis."""
        weight = layer.get_parameter("weight")
        geometry = geometry_of(layer, "weight", weight)
        assert geometry is not None
        axis = geometry.layout.index("O") if geometry.layout is not None else 0
        turned = weight.detach().movedim(axis, 0)
        return len(turned), turned

    def _place(self, inputs: Array) -> Tensor:
        first = next(self._model.parameters())
        return torch.from_numpy(inputs).to(first.device).reshape(-1, *self._sample)

    def _logits(self, inputs: Array) -> Tensor:
        with seeded(self._model, self._seed * 1_000_003 + self._steps):  # for dropout, the same in every comparison
            found = self._model(self._place(inputs))
        if not isinstance(found, Tensor) or tuple(found.shape) != (len(inputs), self._classes):
            shown = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise FaninValueError(
                f"a model to compare returns logits, a tensor of shape (samples, classes) = "
                f"{(len(inputs), self._classes)} here. Received: {shown}."
            )
        return found

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step of gradient descent, and return the mean loss before it."""
        self._model.train()
        logits = self._logits(inputs)
        loss = functional.cross_entropy(logits, torch.from_numpy(labels).to(logits.device))
        wanted = [one for one in self._model.parameters() if one.requires_grad]
        gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(wanted, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(gradient, alpha=self._rate)
        self._steps += 1
        return loss.item()

    @torch.no_grad()
    def logits(self, inputs: Array) -> Array:
        """Return the network's output, in the mode for evaluation."""
        self._model.eval()
        return self._logits(inputs).cpu().numpy()

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient, as it is in the mode for training; the buffers stay as they are."""
        outputs: dict[int, Tensor] = {}
        self._model.train()
        with as_it_was(self._model):  # in which frozen layers have gradients too
            with self._watched(outputs):
                logits = self._logits(inputs)
            loss = functional.cross_entropy(logits, torch.from_numpy(labels).to(logits.device), reduction="sum")
            found = torch.autograd.grad(loss, list(outputs.values()), allow_unused=True)
        gradients = dict(zip(outputs, found, strict=True))
        nothing = np.zeros((len(inputs), 1), np.float32)

        def shown(tensor: Tensor | None) -> Array:
            return nothing if tensor is None else tensor.detach().cpu().numpy()

        order = range(len(self._layers))
        return Trace([shown(outputs.get(k)) for k in order], [shown(gradients.get(k)) for k in order])

    @contextlib.contextmanager
    def _watched(self, outputs: dict[int, Tensor]) -> Iterator[None]:
        """Note what each layer returns, as a copy that operations in place do not reach."""

        def note(number: int) -> Callable[[nn.Module, Any, Any], Any]:
            def hook(module: nn.Module, given: Any, returned: Any) -> Any:
                if not isinstance(returned, Tensor):
                    return None
                outputs[number] = returned
                return returned.clone()

            return hook

        handles = [one.register_forward_hook(note(k)) for k, one in enumerate(self._layers)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def parameters(self) -> dict[str, Array]:
        """Return copies of the layers' parameters, numbered as those of the built networks."""
        named: dict[str, Array] = {}
        for k, layer in enumerate(self._layers):
            units, weight = self._geometry(layer)
            bias = getattr(layer, "bias", None)
            named[f"layers.{k}.weight"] = weight.reshape(units, -1).cpu().numpy().copy()
            plain = np.zeros(units, weight.cpu().numpy().dtype)
            named[f"layers.{k}.bias"] = plain if bias is None else bias.detach().cpu().numpy().copy()
        return named
