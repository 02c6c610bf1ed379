"""Recurrent layers: gates that torch packs and Flax keeps apart, with the same weights and the same outputs."""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import torch

import fanin
import fanin_jax
import fanin_torch

INPUTS = np.random.default_rng(0).standard_normal((2, 7, 3), dtype=np.float32)


def lstm() -> Any:
    return torch.nn.LSTM(3, 5, batch_first=True)


def test_an_lstm_has_the_same_weights_and_outputs() -> None:
    """torch has two biases, which are added: one of them is zeros here, since Flax has one."""
    with fanin_torch.record(draw=False) as recording:
        model = lstm()
    recorded = dict(recording.scheme(model))
    recorded["bias_ih_l0"] = dataclasses.replace(recorded["bias_ih_l0"], initializer=fanin.zeros())
    source = fanin.Scheme(recorded).split({"weight_*": "ifgo", "bias_hh_l0": "ifgo"})
    layer = flax.linen.RNN(flax.linen.LSTMCell(5, name="cell"))
    names = {f"cell.i{gate}.kernel": f"weight_ih_l0.{gate}" for gate in "ifgo"}
    names |= {f"cell.h{gate}.kernel": f"weight_hh_l0.{gate}" for gate in "ifgo"}
    names |= {f"cell.h{gate}.bias": f"bias_hh_l0.{gate}" for gate in "ifgo"}
    variables = fanin_jax.build(
        layer.init, INPUTS, seed=1, scheme=fanin_jax.record(layer.init, INPUTS).like(source, names)
    )
    fanin_torch.init_module_(model, source, seed=1)
    packed = np.split(model.weight_hh_l0.detach().numpy(), 4)
    for gate, expected in zip("ifgo", packed, strict=True):
        assert np.array_equal(np.asarray(variables["params"]["cell"][f"h{gate}"]["kernel"]).T, expected), gate
    outputs = np.asarray(jax.jit(layer.apply)(variables, jnp.asarray(INPUTS)))
    assert np.allclose(outputs, model(torch.from_numpy(INPUTS))[0].detach().numpy(), rtol=0, atol=1e-6)
