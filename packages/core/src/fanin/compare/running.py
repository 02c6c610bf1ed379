"""Running an experiment: the same network from each initialization, on each backend, with each seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.compare.experiment import Experiment
from fanin.compare.results import Results, Run
from fanin.contract import Backend
from fanin.lab.data import Data
from fanin.lab.snapshot import evaluate, fewest_distinct, snapshot
from fanin.lab.trainer import Trainer, load_trainer
from fanin.lab.training import PROBED, build, check, network_of, one_thread, train_epoch

__all__ = ["steps", "train"]

Parameters: TypeAlias = dict[str, NDArray[np.floating[Any]]]
OnStep: TypeAlias = Callable[[str], None]


def steps(experiment: Experiment, data: Data) -> int:
    """Return how many steps an experiment takes in all, controls included."""
    size = min(experiment.batch_size, len(data.train_labels))
    networks = len(experiment.backends) + _has_control(experiment)
    runs = len(experiment.seeds) * len(experiment.initializations) * networks
    return len(data.train_labels) // size * experiment.epochs * runs


def _has_control(experiment: Experiment) -> bool:
    return len(experiment.backends) > 1 and "numpy" in experiment.backends


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
    backends = check(experiment, data)
    data = data.astype(experiment.dtype)
    network = network_of(experiment, data)
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
    experiment = results.experiment
    for backend in backends:
        settings = experiment.dtype, experiment.learning_rate, experiment.device
        trainer, checksum = build(backend, results.network, label, seed, *settings)
        run = Run(backend.name, label, seed, checksum)
        start = trainer.parameters()
        first = start if first is None else first
        difference = max(float(np.abs(start[name] - first[name]).max()) for name in first)
        results.weight_differences[label, seed] = max(results.weight_differences.get((label, seed), 0.0), difference)
        if backend.name == "numpy" and _has_control(experiment):
            make = load_trainer("numpy", experiment.activation)
            control = make(_nudged(start), activation=experiment.activation, learning_rate=experiment.learning_rate)
            results.controls[label, seed] = []
        _train_one(trainer, run, results, on_step)
    if _has_control(experiment):
        losses = results.controls[label, seed]
        for epoch in range(experiment.epochs):
            for loss in train_epoch(control, results.data, experiment.batch_size, seed, epoch):
                losses.append(loss)
                on_step(f"{label}, control, seed {seed}")


def _train_one(trainer: Trainer, run: Run, results: Results, on_step: OnStep) -> None:
    data, text = results.data, f"{run.initialization} on {run.backend}, seed {run.seed}"
    probed = data.train_inputs[:PROBED], data.train_labels[:PROBED]
    run.before = snapshot(trainer.trace(*probed), trainer.parameters())
    _checkpoint(trainer, run, data)
    results.runs.append(run)  # not earlier: an interrupted run has at least its beginning
    for epoch in range(results.experiment.epochs):
        start = time.perf_counter()
        for loss in train_epoch(trainer, data, results.experiment.batch_size, run.seed, epoch):
            run.step_losses.append(loss)
            on_step(text)
        run.seconds += time.perf_counter() - start
        _checkpoint(trainer, run, data)
    run.after = snapshot(trainer.trace(*probed), trainer.parameters())


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
