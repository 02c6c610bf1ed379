"""Training the same network from each initialization, on each backend, with each seed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.api import init_parameters
from fanin.compare.data import Data, batches
from fanin.compare.experiment import Experiment, Network
from fanin.compare.results import Results, Run
from fanin.compare.statistics import evaluate, fewest_distinct, snapshot
from fanin.compare.trainer import Trainer, load_trainer
from fanin.contract import Backend
from fanin.initializers.parse import parse_initialization
from fanin.registry import backend as get_backend

__all__ = ["build", "check", "digest", "one_thread", "steps", "train"]

Parameters: TypeAlias = dict[str, NDArray[np.floating[Any]]]
OnStep: TypeAlias = Callable[[str], None]

_PROBED = 512
"""How many training samples a snapshot is taken on, at most."""


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which the loaded BLAS and OpenMP libraries use one thread.

    Matrices this small are no faster on two, and tens of times slower where the threads wait for busy cores. It also
    takes the number of threads out of the rounding.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits


def digest(backend: Backend, parameters: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the parameters' bytes, layer by layer, as hexadecimal digits."""
    total = hashlib.sha256()
    for array in parameters.values():
        total.update(backend.tobytes(array))
    return total.hexdigest()


def build(backend: Backend, network: Network, label: str, seed: int, experiment: Experiment) -> tuple[Trainer, str]:
    """Draw a network's parameters with a backend, and return its trainer and their digest."""
    initializer = parse_initialization(label)
    drawn = init_parameters(network.widths, initializer, seed=seed, backend=backend, dtype=experiment.dtype)
    return _trainer(backend.name, drawn, experiment), digest(backend, drawn)


def _trainer(backend: str, parameters: Mapping[str, Any], experiment: Experiment) -> Trainer:
    make = load_trainer(backend)
    return make(parameters, activation=experiment.activation, learning_rate=experiment.learning_rate)


def steps(experiment: Experiment, data: Data) -> int:
    """Return how many steps an experiment takes in all, controls included."""
    size = min(experiment.batch_size, len(data.train_labels))
    networks = len(experiment.backends) + _has_control(experiment)
    runs = len(experiment.seeds) * len(experiment.initializations) * networks
    return len(data.train_labels) // size * experiment.epochs * runs


def _has_control(experiment: Experiment) -> bool:
    return len(experiment.backends) > 1 and "numpy" in experiment.backends


def check(experiment: Experiment, data: Data) -> None:
    """Check, before anything is computed or written, that every backend can do what an experiment asks for.

    Raises:
        FaninError: A backend or its trainer cannot be loaded, or an initialization is not defined for the network.
    """
    network = experiment.network(data.features, data.classes)
    backends = [get_backend(name) for name in experiment.backends]
    for name in experiment.backends:
        load_trainer(name)
    for text in experiment.initializations:
        initializer = parse_initialization(text)
        network.plans(initializer)
        for backend in backends:  # by a network of one weight, whether it draws the law in this dtype
            init_parameters([1, 1], initializer, backend=backend, dtype=experiment.dtype)


def train(experiment: Experiment, data: Data, on_step: OnStep = lambda text: None) -> Results:
    """Run an experiment.

    Every backend gets the same data in the same order. A KeyboardInterrupt ends the training and not the program: the
    results are then marked as not complete.

    Args:
        experiment: What to do.
        data: The data, from `load_data`.
        on_step: Called after each step with what is being trained, in words.

    Raises:
        FaninError: A backend or its trainer cannot be loaded, or cannot draw what is asked for; nothing has been
            trained by then.
    """
    check(experiment, data)
    data = data.astype(experiment.dtype)
    network = experiment.network(data.features, data.classes)
    backends = [get_backend(name) for name in experiment.backends]
    exact = all(backend.capabilities.level == "exact" for backend in backends)
    results = Results(experiment, network, data, exact)
    with one_thread(), suppress(KeyboardInterrupt):
        for seed in experiment.seeds:
            for label in experiment.initializations:
                _train_group(results, backends, label, seed, on_step)
        results.complete = True
    return results


def _train_group(results: Results, backends: list[Backend], label: str, seed: int, on_step: OnStep) -> None:
    """Train one initialization with one seed on every backend, and compare where they started."""
    first: Parameters | None = None
    for backend in backends:
        trainer, checksum = build(backend, results.network, label, seed, results.experiment)
        run = Run(backend.name, label, seed, checksum)
        start = trainer.parameters()
        first = start if first is None else first
        difference = max(float(np.abs(start[name] - first[name]).max()) for name in first)
        results.weight_differences[label, seed] = max(results.weight_differences.get((label, seed), 0.0), difference)
        if backend.name == "numpy" and _has_control(results.experiment):
            control = _trainer("numpy", _nudged(start), results.experiment)
            results.controls[label, seed] = []
        _train_one(trainer, run, results, on_step)
    if _has_control(results.experiment):
        losses = results.controls[label, seed]
        for epoch in range(results.experiment.epochs):
            _train_epoch(control, losses, results, seed, epoch, lambda: on_step(f"{label}, control, seed {seed}"))


def _train_one(trainer: Trainer, run: Run, results: Results, on_step: OnStep) -> None:
    data, text = results.data, f"{run.initialization} on {run.backend}, seed {run.seed}"
    probed = data.train_inputs[:_PROBED], data.train_labels[:_PROBED]
    run.before = snapshot(trainer.trace(*probed), trainer.parameters())
    _checkpoint(trainer, run, data)
    results.runs.append(run)  # not earlier: an interrupted run has at least its beginning
    for epoch in range(results.experiment.epochs):
        start = time.perf_counter()
        _train_epoch(trainer, run.step_losses, results, run.seed, epoch, lambda: on_step(text))
        run.seconds += time.perf_counter() - start
        _checkpoint(trainer, run, data)
    run.after = snapshot(trainer.trace(*probed), trainer.parameters())


def _train_epoch(
    trainer: Trainer, losses: list[float], results: Results, seed: int, epoch: int, done: Callable[[], None]
) -> None:
    data = results.data
    for rows in batches(len(data.train_labels), results.experiment.batch_size, seed, epoch):
        losses.append(trainer.step(data.train_inputs[rows], data.train_labels[rows]))
        done()


def _checkpoint(trainer: Trainer, run: Run, data: Data) -> None:
    loss, _ = evaluate(trainer.logits(data.train_inputs), data.train_labels)
    _, accuracy = evaluate(trainer.logits(data.test_inputs), data.test_labels)
    run.distinct.append(fewest_distinct(trainer.parameters()))
    run.train_losses.append(loss)
    run.accuracies.append(accuracy)


def _nudged(parameters: Parameters) -> Parameters:
    """Return the parameters with the last bit of each weight that is not 0 changed, every other one upwards."""
    nudged = {}
    for name, values in parameters.items():
        towards = np.where(np.arange(values.size) % 2, np.inf, -np.inf).astype(values.dtype).reshape(values.shape)
        nudged[name] = np.where(values == 0, values, np.nextafter(values, towards))
    return nudged
