"""The laboratory: a network, its data, how it is trained, what is measured of it, and how a report is written.

`fanin.compare` and `fanin.probe` are built on it, and neither knows the other. Importing this package imports no array
library; its modules need the extra `cli`: `pip install "fanin[cli,numpy]"`.
"""
