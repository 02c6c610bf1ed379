"""Networks from drawn weights: whether the backends can, building them, and passing over the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from fanin.api import init_parameters
from fanin.contract import Backend
from fanin.initializers.parse import parse_initialization
from fanin.lab.data import Data, batches
from fanin.lab.network import Network, Study
from fanin.lab.trainer import Trainer, load_trainer
from fanin.registry import backend as get_backend

__all__ = ["PROBED", "build", "check", "digest", "one_thread", "train_epoch"]

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
    network = study.network(data.features, data.classes)
    backends = [get_backend(name) for name in study.backends]
    for name in study.backends:
        load_trainer(name, study.activation)
    for text in study.initializations:
        initializer = parse_initialization(text)
        network.plans(initializer)
        for backend in backends:  # by a network of one weight, whether it draws the law in this dtype
            init_parameters([1, 1], initializer, backend=backend, dtype=study.dtype)
    return backends


def build(
    backend: Backend, network: Network, label: str, seed: int, dtype: str, learning_rate: float = 1.0
) -> tuple[Trainer, str]:
    """Draw a network's parameters with a backend, and return its trainer and their digest.

    The learning rate does not matter where nothing is trained.
    """
    initializer = parse_initialization(label)
    drawn = init_parameters(network.widths, initializer, seed=seed, backend=backend, dtype=dtype)
    make = load_trainer(backend.name, network.activation)
    return make(drawn, activation=network.activation, learning_rate=learning_rate), digest(backend, drawn)


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
