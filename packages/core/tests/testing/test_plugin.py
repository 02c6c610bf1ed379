"""The plugin in a repository of its own: a fixture, and the suite by one option."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def arguments(pytester: pytest.Pytester) -> list[str]:
    """Load the plugin by hand, unless it is installed, and pytest then has it already."""
    loaded = pytester._request.config.pluginmanager.has_plugin("fanin")
    return [] if loaded else ["-p", "fanin.pytest_plugin"]


def test_the_fixture_fails_a_wrong_array(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import fanin
        import numpy as np

        LAW = fanin.normal(std=0.02)

        def test_right(assert_follows):
            assert_follows(np.random.default_rng(1).normal(0, 0.02, 1000), LAW)

        def test_wrong(assert_follows):
            assert_follows(np.full(1000, 0.02), LAW)
        """
    )
    result = pytester.runpytest_subprocess(*arguments(pytester))
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*1000 weights do not follow N(0, 0.02^2)*"])


def test_the_suite_by_one_option(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    result = pytester.runpytest_subprocess(
        *arguments(pytester), "--fanin-backend", "numpy", "-k", "own or bits_seeds or bits_names", "-v", "."
    )
    result.assert_outcomes(passed=3, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*TestBackend::test_bits_seeds PASSED*"])


def test_an_unknown_backend_fails(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(*arguments(pytester), "--fanin-backend", "numpie", "-k", "bits_seeds")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*numpie*"])
