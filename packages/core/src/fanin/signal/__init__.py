"""Is it the initialization? What the signal and the gradient of a person's own model do, and a verdict.

A backend measures one `Layer` per named layer; `ModelProbe` judges them, prints them and draws them.
"""

from fanin.signal.finding import Finding
from fanin.signal.layer import Attention, Dropout, Layer, Recurrence, Sum
from fanin.signal.result import ModelProbe, combined

__all__ = ["Attention", "Dropout", "Finding", "Layer", "ModelProbe", "Recurrence", "Sum", "combined"]
