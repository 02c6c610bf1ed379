"""The suite that anybody's backend is checked by, both levels."""

import fanin.conformance


class TestNumpy(fanin.conformance.BackendSuite):
    backend = "numpy"
