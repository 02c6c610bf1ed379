"""What the signal and the gradient of a module do before it is trained."""

from fanin_torch._probe.probe import probe

__all__ = ["probe"]
