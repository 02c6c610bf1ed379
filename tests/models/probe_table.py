"""How often a probe alarms on models that are known to train: timm's, torchvision's, and some of Flax.

Those of up to 40 million parameters, in the mode for training, with four samples of noise.

python tests/models/probe_table.py            # every eighth model of timm and torchvision, and two of Flax
python tests/models/probe_table.py --every 1  # all of them (hours)
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from published_models import MOST_PARAMETERS, Published, size_of, timm_models, torchvision_models
from torch import nn

import fanin_torch
from fanin.signal import ModelProbe

SAMPLES = 4


def of_torch(published: Published) -> ModelProbe:
    """Probe a model of torch in the mode for training, as its library builds it."""
    torch.manual_seed(0)
    model = published.build().train()
    size = _size(published, model)
    batch = torch.randn(SAMPLES, *size, generator=torch.Generator().manual_seed(0))
    return fanin_torch.probe(model, batch, loss=_loss)


def _size(published: Published, model: nn.Module) -> tuple[int, ...]:
    found: Any = getattr(model, "pretrained_cfg", None)
    if found:
        return tuple(found["input_size"])
    return (3, 299, 299) if "inception" in published.name else (3, 224, 224)


def _loss(returned: Any) -> torch.Tensor:
    """Return the cross-entropy, or where there are no classes, the mean square."""
    outputs = returned if isinstance(returned, torch.Tensor) else next(_tensors(returned))
    if outputs.ndim == 2:
        return nn.functional.cross_entropy(outputs, torch.arange(len(outputs)) % outputs.shape[1])
    return outputs.square().mean()


def _tensors(returned: Any) -> Iterator[torch.Tensor]:
    values = returned.values() if isinstance(returned, dict) else returned
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value


def of_flax() -> Iterator[tuple[str, Callable[[], ModelProbe]]]:
    """Yield the models of Flax: those that the tests port from torch."""
    import jax
    import pair_resnet
    import pair_vit
    from flax import nnx

    import fanin_jax

    pictures = jax.random.normal(jax.random.key(0), (SAMPLES, 64, 64, 3))

    def resnet() -> ModelProbe:
        model = pair_resnet.ResNet18("")
        weights = model.init(jax.random.key(0), pictures)
        return fanin_jax.probe(lambda own, x: model.apply(own, x, mutable=["batch_stats"])[0], weights, pictures)

    def vit() -> ModelProbe:
        model = pair_vit.VisionTransformer("", rngs=nnx.Rngs(0))
        size = (SAMPLES, pair_vit.SIZE, pair_vit.SIZE, 3)
        return fanin_jax.probe(lambda own, x: own(x), model, jax.random.normal(jax.random.key(0), size))

    yield "flax:resnet18", resnet
    yield "flax:vit", vit


def main() -> None:
    """Probe the models and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=8)
    every = parser.parse_args().every
    small = (one for one in timm_models(0, every) if size_of(one.build) <= MOST_PARAMETERS)
    torches = (*small, *torchvision_models(0, every))
    models: list[tuple[str, Callable[[], ModelProbe]]] = [(one.name, partial(of_torch, one)) for one in torches]
    alarms: dict[str, list[bool]] = {}
    for name, make in (*of_flax(), *models):
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the libraries' own
                found = make()
        except (AssertionError, RuntimeError, ValueError) as error:  # of detectors and of models of videos
            print(f"{name}: left out: {str(error)[:80]}", flush=True)
            continue
        first = found.findings[0] if found.findings else None
        alarms.setdefault(name.partition(":")[0], []).append(first is not None)
        what = "fine" if first is None else f"{first.severity}: {first}"
        print(f"{name}: {what} ({len(found.layers)} layers, {time.perf_counter() - start:.0f} s)", flush=True)
    for library, own in alarms.items():
        print(f"{library}: {sum(own)} alarms in {len(own)} models")


if __name__ == "__main__":
    main()
