"""Running a module and leaving everything as it was: its buffers, what needs gradients, and torch's generators."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

__all__ = ["as_it_was", "seeded"]


@contextlib.contextmanager
def seeded(model: nn.Module, seed: int) -> Iterator[None]:
    """Seed the generators of the devices that a module is on, and restore them.

    Those of no other device: `torch.manual_seed` seeds them all, and what it does to a device that is not in use yet
    cannot be taken back.

    Args:
        model: The module.
        seed: The seed.
    """
    devices = sorted({one.device.index for one in model.parameters() if one.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        for generator in (torch.default_generator, *(torch.cuda.default_generators[k] for k in devices)):
            generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Restore the module's buffers, also where others took their places; meanwhile all parameters need gradients."""
    places = [(module._buffers, dict(module._buffers)) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    frozen = [one for one in model.parameters() if not one.requires_grad and one.is_floating_point()]
    try:
        for one in frozen:
            one.requires_grad_(True)
        yield
    finally:
        for one in frozen:
            one.requires_grad_(False)
        for place, before in places:
            place.clear()  # of buffers that the forward pass registered
            place.update(before)
        with torch.no_grad():
            for buffer, values in buffers:
                buffer.copy_(values)
