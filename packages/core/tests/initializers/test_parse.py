"""Initializations as text: the meaning is Python's, and every other text is refused in one line."""

from __future__ import annotations

import re

import pytest

import fanin
from fanin import FaninError, Initializer
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers.names import PRESETS
from fanin.initializers.parse import parse_initialization
from fanin.profiles import PROFILES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he", fanin.he_normal()),
        (" zeros ", fanin.zeros()),
        ("zeros()", fanin.zeros()),
        ("he(activation='gelu')", fanin.he_normal(activation="gelu")),
        ("he(0.2)", fanin.he_normal(0.2)),
        ("kaiming(mode=fan_out)", fanin.he_normal(mode="fan_out")),
        ("he_normal(negative_slope=0.2, mode='fan_out')", fanin.he_normal(0.2, "fan_out")),
        ("normal(std=0.02)", fanin.normal(std=0.02)),
        ("fanin.normal(std=0.02)", fanin.normal(std=0.02)),
        ("normal(mean=0.5, std=0.02)", fanin.normal(mean=0.5, std=0.02)),
        ("normal( std = 1e-3 )", fanin.normal(std=0.001)),
        ("truncated_normal(std=0.02)", fanin.truncated_normal(std=0.02)),
        ("uniform(-0.05, 0.1)", fanin.uniform(-0.05, 0.1)),
        ("variance_scaling(2.0, fan_out, uniform)", fanin.variance_scaling(2.0, "fan_out", "uniform")),
        ("orthogonal(gain=1.5)", fanin.orthogonal(1.5)),
        ("sparse(0.9)", fanin.sparse(0.9)),
        ("torch:kaiming_uniform", fanin.profile("torch:kaiming_uniform")),
        ("torch:kaiming_uniform(a=0.2)", fanin.profile("torch:kaiming_uniform", a=0.2)),
        ("torch:kaiming_uniform(nonlinearity=tanh)", fanin.profile("torch:kaiming_uniform", nonlinearity="tanh")),
        ("torch:constant(val=-0.5)", fanin.profile("torch:constant", val=-0.5)),
        ("jax:he_normal(in_axis=[0, 1], out_axis=-1)", fanin.profile("jax:he_normal", in_axis=(0, 1), out_axis=-1)),
        ("profile('keras:truncated_normal', stddev=0.02)", fanin.profile("keras:truncated_normal", stddev=0.02)),
    ],
)
def test_initializations_as_text(text: str, expected: Initializer) -> None:
    assert parse_initialization(text) == expected


@pytest.mark.parametrize("name", fanin.initializer_names())
def test_every_name_takes_parentheses(name: str) -> None:
    assert parse_initialization(name) == parse_initialization(f"{name}()") == fanin.get_initializer(name)


@pytest.mark.parametrize("name", [name for name, record in PROFILES.items() if not record.needs_settings])
def test_every_profile_takes_parentheses(name: str) -> None:
    assert parse_initialization(name) == parse_initialization(f"{name}()") == fanin.profile(name)


@pytest.mark.parametrize("name", [*PRESETS, *PROFILES])
def test_every_example_in_a_message_is_accepted(name: str) -> None:
    try:
        parse_initialization(name)
    except FaninValueError as error:
        (example,) = re.findall(r'For example: "(.*)"', str(error))
        parse_initialization(example)


REFUSED: list[tuple[str, str]] = [
    ("hee", "Did you mean 'he'?"),
    ("lecun", "Did you mean 'lecun_normal'?"),
    ("torch.nn.init.kaiming_normal_", "but it is neither. Did you mean 'kaiming_normal'? For example"),
    ("he(a=0.2)", "he has no setting 'a'. Did you mean 'negative_slope'?"),
    ("uniform(a=0, b=1)", "uniform has no setting 'a'. Did you mean 'low'?"),
    ("nosuch(1)", "unknown initialization 'nosuch'. Received: 'nosuch(1)'. Accepted: constant, zeros, ones,"),
    ("norml(std=1)", "Did you mean 'normal'?"),
    ("torch:kaiming(a=1)", "unknown profile 'torch:kaiming'"),
    ("get_initializer(he)", "unknown initialization 'get_initializer'"),
    ("profile", "unknown initialization 'profile'"),
    (
        "normal(sd=1)",
        "normal has no setting 'sd'. Did you mean 'std'? Received: 'normal(sd=1)'. Accepted: normal(mean=",
    ),
    ("random(std=1)", "Accepted: random, without settings."),
    ("torch:normal(stddev=1)", "Did you mean 'std'? Received: 'torch:normal(stddev=1)'. Accepted: torch:normal("),
    ("normal(0.02)", "Received: normal(0.02). Did you mean normal(mean=0.02) or normal(std=0.02)?"),
    ("fanin.truncated_normal(0.02)", "Did you mean truncated_normal(mean=0.02) or truncated_normal(std=0.02)?"),
    ("normal(1, 2, 3)", "Received: normal(1, 2, 3). Accepted: normal(mean=0.0, std=0.01)."),
    ("zeros(1)", "zeros takes no settings by position"),
    ("he(0, fan_in, relu)", "he takes at most 2 settings by position"),
    ("torch:normal(0, 1)", "torch:normal takes no settings by position"),  # as fanin.profile
    ("he(1, negative_slope=2)", "he got the setting 'negative_slope' twice"),
    ("normal(std=1, std=2)", "the setting 'std' is given twice"),
    ("constant", "constant needs settings: value. Received: 'constant'. Accepted: constant(value). For example: \"con"),
    ("uniform(0.1)", "uniform needs settings: high. Received: 'uniform(0.1)'. Accepted: uniform(low, high)"),
    ("uniform(-1)", 'For example: "uniform(low=-1, high=1)".'),
    ("uniform(low=0.5)", 'For example: "uniform(low=0.5, high=1.5)".'),
    ("uniform(high=0)", 'For example: "uniform(high=0, low=-1)".'),
    ("uniform", 'For example: "uniform(low=-0.05, high=0.05)".'),
    ("torch:rnn_default", 'For example: "torch:rnn_default(hidden_size=64)".'),
    ("torch:bias_default", 'For example: "torch:bias_default(fan_in=64)".'),
    ("torch:", "the name after the colon is missing"),
    ("torch:constant", 'For example: "torch:constant(val=0.5)"'),
    ("normal(std=0)", "normal(std=0): std must be above 0"),
    ("normal(std='1')", "normal(std='1'): std must be a real number"),
    ("normal(std=True)", "std must be a real number"),
    ("normal(std=1e999)", "std must be finite"),
    ("he(activation=gelo)", "unknown activation 'gelo'"),
    ("torch:kaiming_uniform(mode=fan_inn)", "Did you mean 'fan_in'?"),
    (
        "torch:kaiming_uniform(nonlinearity=[1])",
        "torch:kaiming_uniform(nonlinearity=[1]): torch:kaiming_uniform got a setting of the wrong type",
    ),
    ("torch:kaiming_uniform(nonlinearity='\\n')", "torch has no gain for"),
    ("normal(s\n)", "normal(s ): normal takes its settings by name"),
    ("", "Received: '', but it is neither"),
    ("normal(", "Received: 'normal(', but a parenthesis is not closed"),
    ("normal(std=1", "a parenthesis is not closed"),
    ("normal)", "it is neither"),
    ("(lambda: 1)()", "it is neither"),
    ("os.system('x')", "it is neither"),
    ("normal(std=1)(2)", "there is text after the settings"),
    ("normal(1) + (2)", "there is text after the settings"),
    ("normal(std=)", "cannot be read as settings"),
    ("normal(std=１)", "cannot be read as settings"),
    ("normal(" + "(" * 500 + ")" * 500 + ")", "cannot be read as settings"),
    ("normal(std=" + "-" * 5000 + "1)", "a name with settings in parentheses"),
    ("normal(std=" + "-" * 300 + "1)", "is not a plain value"),
    ("normal(std=" + "9" * 5000 + ")", "cannot be read as settings"),
    ("normal(std=__import__('os'))", "the setting __import__('os') is not a plain value"),
    ("normal(std=open)", "normal(std=open): std must be a real number. Received: 'open'"),
    ("normal(std=9**9**9)", "the setting 9**9**9 is not a plain value"),
    ("normal(std=1+2j)", "is not a plain value"),
    ("normal(std={})", "is not a plain value"),
    ("normal(std=[[1]])", "is not a plain value"),
    ("normal(b'1')", "is not a plain value"),
    ("normal(std:=1)", "is not a plain value"),
    ("normal(*[1, 2])", "is not a plain value"),
    ("normal(**{})", "cannot be unpacked"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_text_that_is_no_initialization(text: str, words: str) -> None:
    with pytest.raises(FaninError) as caught:
        parse_initialization(text)
    assert isinstance(caught.value, (FaninValueError, FaninTypeError))
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    for internal in ("<", "ast.", "TypeError", "keyword argument", "positional", "unhashable"):
        assert internal not in message


def test_python_does_not_warn_of_odd_spellings() -> None:
    with pytest.raises(FaninTypeError, match="std must be a real number"):
        parse_initialization(r"normal(std='\d')")
