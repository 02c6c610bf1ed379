"""The toy's own tests need the toy installed: `test_thirdparty.py` installs it and runs them."""

collect_ignore = ["tests"]
