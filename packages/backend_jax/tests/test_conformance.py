"""The suite that anybody's backend is checked by, both levels."""

import fanin.conformance


class TestJax(fanin.conformance.BackendSuite):
    backend = "jax"
