import fanin.conformance


class TestToy(fanin.conformance.BackendSuite):
    backend = "toy"
