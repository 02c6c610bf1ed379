"""What an initialization does to the signal and the gradient of an untrained network: the machinery of `fanin probe`.

Importing this package imports no array library; `theory` and `verdict` are plain Python, and `measure` needs the extra
`cli`: `pip install "fanin[cli,numpy]"`.
"""
