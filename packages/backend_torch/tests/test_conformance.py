"""The suite that anybody's backend is checked by, both levels."""

import fanin.conformance


class TestTorch(fanin.conformance.BackendSuite):
    backend = "torch"
