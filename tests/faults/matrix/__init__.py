"""The fault matrix: every case is data, is run with the real command line against a sandbox in its own process, and is
judged by the sandbox's ledger.

`wires` are faults of the network and of other software, `servers` what the server and other people do, `pairs` two and
more of them together, `cases` all of it; `runner` runs a case and `checks` checks it.
"""
