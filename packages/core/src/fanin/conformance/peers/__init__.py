"""Adapters of the frameworks' own initializers, held against the law that their own documentation states.

`fanin conformance fanin.conformance.peers.torch_init:TorchInit` judges the torch that is installed; the others are
`jax_initializers:JaxInitializers` and `keras_initializers:KerasInitializers`, on the backend that KERAS_BACKEND names.
docs/peers.md says what was found.
"""

from __future__ import annotations
