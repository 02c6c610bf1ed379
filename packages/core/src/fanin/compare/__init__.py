"""What an initialization does to a network that is trained: the machinery behind `fanin compare`.

Importing this package imports no array library; its modules need the extra `cli`: `pip install "fanin[cli,numpy]"`.
"""
