"""The loop: the same batches everywhere, what is recorded, and what is left after an interruption."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import fanin
from fanin.compare.agreement import agreements
from fanin.compare.experiment import Experiment
from fanin.compare.figures import overview_plots
from fanin.compare.rows import curve_rows, layer_rows, summary_rows
from fanin.compare.running import steps, train
from fanin.compare.summary import checkpoints, facts, judgement, page_rows
from fanin.lab.data import Data

from ..conftest import Install
from ..fakes import ReferenceBackend

EXPERIMENT = Experiment(
    backends=("numpy", "other"), depth=2, width=6, learning_rate=0.2, epochs=12, batch_size=16, seeds=(0, 5)
)


def test_every_network_is_trained_on_the_same_batches(install: Install, blobs: Data) -> None:
    trainers = install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    results = train(EXPERIMENT, blobs)
    assert results.complete
    assert [(run.seed, run.initialization, run.backend) for run in results.runs] == [
        (seed, label, name) for seed in (0, 5) for label in ("zeros", "random", "he") for name in ("numpy", "other")
    ]
    by_seed = [trainers[:9], trainers[9:]]  # numpy, its control and other, for each of three initializations
    for group in by_seed:
        assert len({tuple(trainer.batches) for trainer in group}) == 1
    assert by_seed[0][0].batches != by_seed[1][0].batches


def test_what_is_recorded(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    results = train(EXPERIMENT, blobs)
    he = results.of("he", "numpy")[0]
    assert len(he.step_losses) == 12 * (96 // 16)
    assert len(he.train_losses) == len(he.accuracies) == len(he.distinct) == 13
    assert he.train_losses[-1] < 0.1 < he.train_losses[0]
    assert he.before is not None
    assert he.after is not None
    assert len(he.before.activation_moments) == 3
    assert he.before != he.after
    zeros = results.of("zeros", "other")[1]
    assert zeros.distinct == [1] * 13
    assert zeros.step_losses[0] == pytest.approx(np.log(3))
    assert zeros.digest == results.of("zeros", "numpy")[0].digest != he.digest


def test_steps_are_counted_for_the_progress_bar(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    texts: list[str] = []
    train(EXPERIMENT, blobs, texts.append)
    assert len(texts) == steps(EXPERIMENT, blobs) == 12 * 6 * 2 * 3 * 3
    assert texts[0] == "zeros on numpy, seed 0"


def test_digests_are_of_the_drawn_weights(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    run = train(dataclasses.replace(EXPERIMENT, backends=("numpy",), seeds=(7,)), blobs).of("he")[0]
    drawn = fanin.init_parameters([5, 6, 6, 3], "he", seed=7, backend=ReferenceBackend())
    assert run.digest == sha256(drawn)


def sha256(parameters: dict[str, Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in parameters.values())).hexdigest()


def test_backends_that_agree(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    found = agreements(train(EXPERIMENT, blobs))
    assert [item.initialization for item in found] == ["zeros", "random", "he"]
    for item in found:
        assert item.identical
        assert not item.broken
        assert item.differences.tolist() == [0.0] * 72  # the two are the same arithmetic
        assert item.control is not None
        assert len(item.control) == 72
    assert found[2].control is not None
    assert 0 < found[2].control.max() < 1e-3
    assert found[2].sentence() == "he: initial weights identical in numpy and other"


def test_a_wrong_bit_breaks_the_promise(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other", wrong=True))
    he = agreements(train(EXPERIMENT, blobs))[2]
    assert he.broken
    assert 0 < he.largest_weight_difference < 1e-6
    assert "initial weights DIFFER, which the specification forbids" in he.sentence()


def test_a_backend_of_level_close_breaks_none(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other", wrong=True, level="close"))
    he = agreements(train(EXPERIMENT, blobs))[2]
    assert not he.identical
    assert not he.broken
    assert "promises no more" in he.sentence()


def test_the_units_of_a_network_that_diverged_are_not_counted(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    experiment = dataclasses.replace(
        EXPERIMENT, backends=("numpy",), initializations=("zeros", "he", "normal(std=1e25)"), epochs=1
    )
    with np.errstate(all="ignore"):
        rows = page_rows(train(experiment, blobs), [0, 1])
    assert [row["distinct"] for row in rows] == ["1/6", "6/6", "-"]


def test_one_backend_is_compared_with_none(install: Install, blobs: Data) -> None:
    trainers = install(ReferenceBackend("numpy"))
    results = train(dataclasses.replace(EXPERIMENT, backends=("numpy",)), blobs)
    assert agreements(results) == []
    assert len(trainers) == 6


def test_an_interruption_leaves_what_is_finished(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    taken = 0

    def interrupt(text: str) -> None:
        nonlocal taken
        taken += 1
        if text == "random on other, seed 0":
            raise KeyboardInterrupt

    results = train(EXPERIMENT, blobs, interrupt)
    assert not results.complete
    assert [run.initialization for run in results.runs] == ["zeros", "zeros", "random", "random"]
    assert [run.epochs for run in results.runs] == [12, 12, 12, 0]
    assert results.runs[-1].after is None
    assert [(row["initialization"], row["backend"]) for row in page_rows(results, [0, 12])] == [
        ("zeros", "numpy"),
        ("zeros", "other"),
        ("random", "numpy"),
    ]
    assert judgement(results, "he") == "he: not trained"
    assert [item.initialization for item in agreements(results)] == ["zeros", "random"]


def test_after_an_interruption_every_number_is_of_finished_runs(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    experiment = dataclasses.replace(EXPERIMENT, backends=("numpy",), seeds=(3, 5, 7, 9))
    taken: list[str] = []

    def interrupt(text: str) -> None:
        taken.append(text)
        if taken.count("he on numpy, seed 7") == 2 * 6 + 1:  # its third epoch
            raise KeyboardInterrupt

    results = train(experiment, blobs, interrupt)
    assert [run.finished for run in results.runs] == [True] * 8 + [False]
    whole = [run for run in results.runs if run.initialization == "he"][:2]
    mean = np.mean([run.accuracies[12] for run in whole])
    assert judgement(results, "he") == f"he: learns, test accuracy {mean:.1%}"
    assert page_rows(results, checkpoints(results))[2]["accuracies"][-1] == f"{100 * mean:.1f}"
    assert facts(results)[-1].endswith(
        "; seeds 3, 5, 7 of zeros, random; seeds 3, 5 of he (numbers are means over them, digests are of the first)"
    )
    for rows in (summary_rows(results), curve_rows(results), layer_rows(results)):
        assert {(row["initialization"], row["seed"]) for row in rows} == {
            *((label, seed) for label in ("zeros", "random") for seed in (3, 5, 7)),
            ("he", 3),
            ("he", 5),
        }
    plots = {plot.name: plot for plot in overview_plots(results)}
    assert "mean of 2 to 3 seeds" in plots["accuracy"].caption
    axes: Any = Figure().add_subplot()
    plots["accuracy"].draw(axes)
    lines = {line.get_label(): line.get_xdata() for line in axes.lines}
    assert len(lines["he"]) == 13
    assert [run.to_dict()["finished"] for run in results.runs] == [True] * 8 + [False]


def test_an_initialization_that_was_only_begun_says_so(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    taken: list[str] = []

    def interrupt(text: str) -> None:
        taken.append(text)
        if taken.count("random on numpy, seed 0") == 2 * 6 + 1:
            raise KeyboardInterrupt

    results = train(dataclasses.replace(EXPERIMENT, backends=("numpy",)), blobs, interrupt)
    assert judgement(results, "random") == "random: interrupted after 2 of 12 epochs"
    assert judgement(results, "he") == "he: not trained"
    assert facts(results)[-1].endswith("; seed 0")


def test_where_no_run_is_finished_the_one_that_was_begun_is_shown(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    taken: list[str] = []

    def interrupt(text: str) -> None:
        taken.append(text)
        if len(taken) == 9 * 6 + 1:
            raise KeyboardInterrupt

    alone = dataclasses.replace(EXPERIMENT, backends=("numpy",), initializations=("he",))
    results = train(alone, blobs, interrupt)
    assert judgement(results, "he").endswith("% after 9 of 12 epochs")
    assert [row["epochs"] for row in summary_rows(results)] == [9]


def test_tables_show_epochs_up_to_the_last_that_was_finished(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    alone = dataclasses.replace(EXPERIMENT, backends=("numpy",))
    assert checkpoints(train(alone, blobs)) == [0, 3, 6, 12]
    assert checkpoints(train(alone, blobs), 3) == [0, 6, 12]
    taken: list[str] = []

    def interrupt(text: str) -> None:
        taken.append(text)
        if len(taken) == 5 * 6 + 1:  # the first step of the sixth epoch
            raise KeyboardInterrupt

    results = train(alone, blobs, interrupt)
    assert checkpoints(results) == [0, 1, 2, 5]
    assert "-" not in page_rows(results, checkpoints(results))[0]["losses"]


def test_judgements(install: Install, blobs: Data) -> None:
    install(ReferenceBackend("numpy"))
    wide = dataclasses.replace(EXPERIMENT, backends=("numpy",), initializations=("zeros", "he", "normal(std=1e20)"))
    with np.errstate(all="ignore"):
        results = train(wide, blobs)
    zeros, he, wild = (judgement(results, label) for label in wide.initializations)
    assert zeros.startswith("zeros: at chance after 12 epochs (test accuracy 33.3%, guessing 33.3%)")
    assert zeros.endswith("all units of a hidden layer still identical")
    assert he.startswith("he: learns, test accuracy ")
    assert wild == "normal(std=1e20): diverged in 2 of 2 runs"


UNCLEAR = "not distinguishable from guessing with 24 test samples"


@pytest.mark.parametrize(
    ("correct", "words"),
    [
        ([8, 8], "he: at chance after 12 epochs (test accuracy 33.3%, guessing 33.3%)"),
        (
            [13, 11],
            f"he: {UNCLEAR} after 12 epochs (test accuracy 50.0%, guessing 33.3%)",
        ),
        ([15, 16], "he: learns, test accuracy 64.6%"),
        (
            [15, 12],
            f"he: {UNCLEAR} after 12 epochs in 1 of 2 runs (mean test accuracy 56.2%, guessing 33.3%)",
        ),
        ([15, 8], "he: at chance after 12 epochs in 1 of 2 runs (mean test accuracy 47.9%, guessing 33.3%)"),
    ],
)
def test_few_test_samples_tell_little(install: Install, blobs: Data, correct: list[int], words: str) -> None:
    # Of 24 samples with a chance of 1/3, P(X >= 14) = 0.0103 and P(X >= 15) = 0.0032.
    install(ReferenceBackend("numpy"))
    results = train(dataclasses.replace(EXPERIMENT, backends=("numpy",), initializations=("he",)), blobs)
    for run, count in zip(results.runs, correct, strict=True):
        run.accuracies[-1] = count / 24
    assert judgement(results, "he") == words
