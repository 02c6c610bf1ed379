"""Profiles: other frameworks' initializers by name, with their distributions but drawn from fanin's streams.

The same name means different distributions in different frameworks. A profile has the distribution of one framework's
function for the same arguments: standard deviation, bounds, truncation and fan count, quirks included. So a published
recipe can be reproduced in another framework.
"""

from __future__ import annotations

from typing import Final

from fanin._checks import nearest
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.profiles import flax, jax, keras, timm, torch
from fanin.profiles.record import Profile
from fanin.profiles.scaling import FanRule, FrameworkScaling

__all__ = ["PROFILES", "FanRule", "FrameworkScaling", "Profile", "get_profile", "profile_names"]

PROFILES: Final[dict[str, Profile]] = {
    **torch.PROFILES,
    **jax.PROFILES,
    **flax.PROFILES,
    **keras.PROFILES,
    **timm.PROFILES,
}
"""Every profile by name; a profile with several names is listed under each."""


_FRAMEWORKS: Final = {
    "tf": "keras",
    "tensorflow": "keras",
    "pytorch": "torch",
    "haiku": "jax",
    "linen": "flax",
    "nnx": "flax",
}
"""Other names of frameworks and libraries, and the framework whose functions they use."""


def profile_names(framework: str | None = None) -> tuple[str, ...]:
    """Return the names of all profiles, or of those of one framework.

    Example:
        >>> profile_names("timm")
        ('timm:trunc_normal', 'timm:trunc_normal_tf', 'timm:variance_scaling', 'timm:lecun_normal')
    """
    return tuple(name for name in PROFILES if framework is None or name.startswith(f"{framework}:"))


def get_profile(name: str) -> Profile:
    """Return the profile with this name.

    Raises:
        FaninValueError: The name is unknown.
        FaninTypeError: The name is not a string.

    Example:
        >>> get_profile("keras:he_normal").of
        'keras.initializers.HeNormal'
    """
    if not isinstance(name, str):
        raise FaninTypeError(f"a profile's name must be a string. Received: {name!r} of type {type(name).__name__}.")
    if name not in PROFILES:
        framework, _, function = name.partition(":")
        frameworks = {known.partition(":")[0]: known.partition(":")[0] for known in PROFILES} | _FRAMEWORKS
        meant = frameworks.get(nearest(framework, frameworks) or "", "")
        found = nearest(function, [known.partition(":")[2] for known in profile_names(meant)]) if meant else None
        hint = f" Did you mean '{meant}:{found}'?" if found else ""
        accepted = profile_names(meant) if meant else sorted({known.partition(":")[0] + ":..." for known in PROFILES})
        raise FaninValueError(f"unknown profile {name!r}.{hint} Accepted: {', '.join(accepted)}. fanin list shows all.")
    return PROFILES[name]
