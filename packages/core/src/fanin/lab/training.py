"""Networks from drawn weights: whether the backends can, building them, and passing over the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from fanin._named import named
from fanin.api import init, init_parameters
from fanin.contract import Backend
from fanin.exceptions import FaninValueError
from fanin.initializers.parse import parse_initialization
from fanin.initializers.presets import zeros
from fanin.lab.data import Data, batches
from fanin.lab.network import OWN, Network, OwnNetwork, Study
from fanin.lab.trainer import Trainer, kinds_of, load_trainer, trainable_backends
from fanin.registry import backend as get_backend

__all__ = ["PROBED", "as_it_is_taken", "build", "check", "digest", "network_of", "one_thread", "train_epoch"]

PROBED = 512
"""How many training samples a snapshot is taken on, at most."""


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which the loaded BLAS and OpenMP libraries use one thread.

    Matrices this small are no faster on two, and tens of times slower where the threads wait for busy cores. It also
    takes the number of threads out of the rounding.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits


def check(study: Study, data: Data) -> list[Backend]:
    """Check, before anything is computed or written, that every backend can do what a study asks for.

    Returns:
        The backends.

    Raises:
        FaninError: A backend or its trainer cannot be loaded, a trainer does not know the activation, or an
            initialization is not defined for the network.
    """
    backends = [get_backend(name) for name in study.backends]
    for name in study.backends:
        known = kinds_of(load_trainer(name, study.activation))
        if study.kind not in known:
            others = [one for one in trainable_backends() if one != name]
            raise FaninValueError(
                f"the trainer of backend {name!r} trains no {study.kind}. Accepted: {', '.join(known)}; or other "
                f"backends, with --backends: {', '.join(others)}."
            )
    network = network_of(study, data)
    for text in (text for text in study.initializations if text != OWN):
        initializer = parse_initialization(text)
        network.plans(initializer)
        for backend in backends:  # by a network of one weight, whether it draws the law in this dtype
            init_parameters([1, 1], initializer, backend=backend, dtype=study.dtype, device=study.device)
    return backends


def as_it_is_taken(study: Study, data: Data) -> Data:
    """Return data as a person's own model takes them: whole numbers as they came, if it runs on them.

    A model that begins with a table of vectors does, and one that begins with a layer does not.

    Raises:
        Exception: What the model raises at whole numbers and at standardised ones.
    """
    if study.model is None or data.train_whole is None:
        return data
    made = _of_two(study, data)
    try:
        made.logits(data.train_whole[:2])
    except Exception as error:  # whatever a person's code raises
        try:
            made.logits(data.train_inputs[:2].astype(study.dtype))
        except Exception:
            raise error from None  # the one at what was given
        return data
    return data.as_it_came()


def _of_two(study: Study, data: Data) -> Any:
    """Return the trainer of a person's own model, before the number of its layers is known."""
    empty = OwnNetwork(data.features, 1, 1, data.classes, sample=data.shape, model=study.model or "")
    return _own(study.backends[0], empty, next((one for one in study.initializations), OWN), dtype=study.dtype)


def network_of(study: Study, data: Data) -> Network:
    """Return the network that a study is of.

    Raises:
        FaninError: It takes no such data, or a person's own function does not build one.
    """
    if study.model is None:
        return study.network(data.features, data.classes, data.shape)
    made = _of_two(study, data)
    made.logits(data.astype(study.dtype).train_inputs[:2])
    units = tuple(made.units)
    empty = OwnNetwork(data.features, 1, 1, data.classes, sample=data.shape, model=study.model)
    return replace(empty, depth=len(units) - 1, width=min(units[:-1]), own_units=units)


def _own(backend: str, network: OwnNetwork, label: str, **settings: Any) -> Any:
    """Return the trainer of a person's own model."""
    make = getattr(load_trainer(backend, network.activation), "of_model", None)
    if make is None:
        raise FaninValueError(f"the trainer of backend {backend!r} trains no model of one's own. Accepted: torch.")
    home, _, name = network.model.partition(":")
    if not home or not name:
        raise FaninValueError(f"--model names a function, my.module:function. Received: {network.model!r}.")
    function = named(home, name, "my.module:function")
    return make(function, label, sample=network.sample, classes=network.classes, **settings)


def build(
    backend: Backend,
    network: Network,
    label: str,
    seed: int,
    dtype: str,
    learning_rate: float = 1.0,
    device: str | None = None,
) -> tuple[Trainer, str]:
    """Draw a network's parameters with a backend, and return its trainer and their digest.

    The learning rate does not matter where nothing is trained.
    """
    if isinstance(network, OwnNetwork):
        settings: dict[str, Any] = {"seed": seed, "dtype": dtype, "learning_rate": learning_rate, "device": device}
        own = _own(backend.name, network, label, **settings)
        return own, digest(backend, own.tensors)
    drawn = _draw(backend, network, label, seed, dtype, device)
    make = load_trainer(backend.name, network.activation)
    form: dict[str, Any] = {} if network.kind == "mlp" else {"kind": network.kind, "sample": network.sample}
    trainer = make(drawn, activation=network.activation, learning_rate=learning_rate, **form)
    return trainer, digest(backend, drawn)


def _draw(backend: Backend, network: Network, label: str, seed: int, dtype: str, device: str | None) -> dict[str, Any]:
    """Return the parameters of a network, each weight from the stream of its name and each bias of zeros."""
    initializer = parse_initialization(label)
    if network.kind == "mlp":
        return init_parameters(network.widths, initializer, seed=seed, backend=backend, dtype=dtype, device=device)
    drawn = {}
    settings: dict[str, Any] = {"seed": seed, "backend": backend, "dtype": dtype, "device": device}
    for number, (shape, layout) in enumerate(network.weights):
        name = f"layers.{number}"
        drawn[f"{name}.weight"] = init(shape, initializer, layout=layout, name=f"{name}.weight", **settings)
        drawn[f"{name}.bias"] = init(shape[:1], zeros(), name=f"{name}.bias", **settings)
    return drawn


def digest(backend: Backend, parameters: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the parameters' bytes, layer by layer, as hexadecimal digits."""
    total = hashlib.sha256()
    for array in parameters.values():
        total.update(backend.tobytes(array))
    return total.hexdigest()


def train_epoch(trainer: Trainer, data: Data, batch_size: int, seed: int, epoch: int) -> Iterator[float]:
    """Take an epoch's steps, and yield the loss of each as soon as it is taken."""
    for rows in batches(len(data.train_labels), batch_size, seed, epoch):
        yield trainer.step(data.train_inputs[rows], data.train_labels[rows])
