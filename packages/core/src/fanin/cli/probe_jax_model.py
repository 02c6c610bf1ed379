"""`fanin probe --model` of a function of weights and a batch, for JAX."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanin._raised import another_ones_code
from fanin.cli import options as shared
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninValueError

if TYPE_CHECKING:
    from fanin.lab.data import Data

__all__ = ["is_pair", "run"]


def is_pair(made: object) -> bool:
    """Return whether something is a function and its weights, and not a module of torch."""
    return isinstance(made, tuple) and len(made) == 2 and callable(made[0])


def run(options: argparse.Namespace, made: tuple[Callable[[Any, Any], Any], Any], samples: int) -> int:
    """Probe a function and its weights, print the verdict, and write a page.

    Args:
        options: What was given.
        made: The function of (weights, batch), which returns logits, and the weights.
        samples: How many samples to take.
    """
    from fanin.lab.data import load_data
    from fanin.lab.files import make_folder

    try:
        import jax
        import jax.numpy as jnp

        import fanin_jax
    except ModuleNotFoundError as error:
        raise ExtraMissingError('a pair from --model needs fanin_jax. Run: pip install "fanin[jax]"') from error
    because = "a function and its weights, for JAX, are probed as they are. Received with them"
    shared.check_unused(options, ("--initializations", "--device"), because)
    function, weights = made
    data = load_data(options.dataset)
    labels = jnp.asarray(data.train_labels[:samples])
    batch = _batch(data, function, weights, samples)

    def loss(outputs: Any) -> Any:
        if getattr(outputs, "shape", None) != (len(labels), data.classes):
            shown = getattr(outputs, "shape", type(outputs).__name__)
            raise FaninValueError(
                f"the model must return logits, of shape {(len(labels), data.classes)} here. Received: {shown}."
            )
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[:, None], 1))

    folder = make_folder(options.out, force=options.force) if options.out is not None else None
    hint = (
        f"It is called with the weights and an array of shape {batch.shape} and dtype {batch.dtype}, from --dataset "
        f"{options.dataset}. Run it on such an array by itself."
    )
    with another_ones_code(options.model.partition(":")[0], f"the model of {options.model}", hint):
        found = fanin_jax.probe(function, weights, batch, loss, train=options.train)
    print(found)
    if folder is not None:
        found.save(folder / "report.html")
        print(f"report: {folder / 'report.html'}")
    return 0


def _batch(data: Data, function: Callable[[Any, Any], Any], weights: Any, samples: int) -> Any:
    """Return the first samples as the model takes them: whole numbers as they came if it takes no others.

    In JAX layers take whole numbers too, where tables of vectors take nothing else.
    """
    import jax
    import jax.numpy as jnp

    def first(inputs: Any) -> Any:
        return jnp.asarray(inputs[:samples].reshape(-1, *data.shape))

    def runs(batch: Any) -> bool:
        try:
            jax.eval_shape(lambda given: function(weights, given), batch)
        except Exception:  # whatever a person's code raises
            return False
        return True

    standardised = first(data.train_inputs.astype("float32"))
    if data.train_whole is None or runs(standardised):
        return standardised
    whole = first(data.train_whole)
    return whole if runs(whole) else standardised
