"""The audit of a model: what `fanin.audit` is, without the libraries that it needs only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from fanin._checks import probability
from fanin.auditing.report import Audit
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models import Scheme
from fanin.stream.keys import seed_words

__all__ = ["audit"]


def audit(
    weights: object,
    scheme: Scheme | None = None,
    *,
    seed: int | None = None,
    false_alarm_rate: float = 1e-6,
    ignore: str | Iterable[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Audit:
    """Return what is wrong with the initialization of a model: nothing is changed.

    With a scheme, every parameter, and every part of a packed one, is held against its law: mean, standard deviation,
    distribution and single weights. With a seed as well, every bit is compared with fanin's draw. Without a scheme the
    table says which laws the weights may follow, and only what is wrong under any law is a finding: NaN, memory that
    nothing was written to, rows or tensors that are equal bit for bit, a layer unlike its siblings.

    A model that is initialized rightly has a finding with at most the probability `false_alarm_rate`. The weights are
    read once, by pieces.

    Statistics cannot tell whether a layer was trained: after a thousand steps its weights still look fresh. Bits can,
    with `seed`.

    Args:
        weights: A torch module or state dict, a JAX tree, a Keras model, a mapping of names to arrays, or a path:
            whatever `fanin.weights.open_weights` reads. A list of them is replicas, which must be equal.
        scheme: What is right; None where nobody has said.
        seed: The seed, where fanin should have drawn the weights. It needs a scheme.
        false_alarm_rate: The probability that a right model has any finding.
        ignore: Patterns of names that are left out, of the weights and of the scheme: "*.inv_freq" for a buffer that
            is not saved.
        progress: Is told the name of a tensor, how many elements were read, and of how many; by one thread at a time.

    Returns:
        The findings, and a table of the parameters when it is printed.

    Raises:
        FaninTypeError: `weights` is nothing that has weights, `scheme` no scheme, or `progress` no function.
        FaninValueError: The weights cannot be read, the rate is no probability, a seed comes without a scheme, or a
            pattern matches no name.
        LibraryMissingError: NumPy or SciPy is not installed, or the library that reads the weights.

    Example:
        >>> import fanin
        >>> scheme = fanin.Scheme({"fc.weight": fanin.Parameter((256, 64), "float32", "he", layout="OI")})
        >>> weights = scheme.draw(seed=0)
        >>> fanin.audit(weights, scheme).findings
        ()
        >>> weights["fc.weight"] /= 2**0.5
        >>> print(fanin.audit(weights, scheme).findings[0])
        fc.weight has a standard deviation 0.70... times that of N(0, 0.176777^2): a gain of sqrt(2) was forgotten...
    """
    if scheme is not None and not isinstance(scheme, Scheme):
        raise FaninTypeError(
            f"scheme must be a fanin.Scheme or None. Received: {type(scheme).__name__}. Use fanin_torch.record, or "
            f"fanin.Scheme.from_json(text)."
        )
    if progress is not None and not callable(progress):
        raise FaninTypeError(
            f"progress must be a function or None. Received: {progress!r}. Pass one that is told the name of a tensor, "
            f"how many elements were read, and of how many: progress=lambda name, done, total: ..."
        )
    rate = probability(false_alarm_rate, "false_alarm_rate", "1e-6")
    if seed is not None:
        seed_words(seed)
        if scheme is None:
            raise FaninValueError(
                f"a seed says which weights are right only together with a scheme. Received: seed={seed!r}, and no "
                f"scheme. Pass scheme=."
            )
    from fanin.weights.libraries import library  # needs NumPy

    for name in ("numpy", "scipy.stats"):
        library(name, "fanin.audit", '"fanin[conformance,numpy]"')
    from fanin.auditing.ignoring import patterns_of, without, without_random_states
    from fanin.auditing.running import run
    from fanin.weights import open_weights

    copies = weights if _are_replicas(weights) else [weights]
    assert isinstance(copies, (list, tuple))
    opened, ignored = [open_weights(one) for one in copies], list[str]()
    patterns = patterns_of(ignore)
    if patterns:
        opened, scheme, ignored = without(opened, scheme, patterns)
    opened, states = without_random_states(opened, scheme)
    return run(opened, scheme, seed, rate, progress, ignored, states)


def _are_replicas(weights: object) -> bool:
    """Return whether something is several models, and not the tree of one."""
    if not isinstance(weights, (list, tuple)) or not weights or hasattr(weights, "_fields"):
        return False
    return all(isinstance(one, (Mapping, str, Path)) or hasattr(one, "named_parameters") for one in weights)
