"""What the signal and the gradient of a function of weights do before it is trained."""

from fanin_jax._probe.probe import probe

__all__ = ["probe"]
