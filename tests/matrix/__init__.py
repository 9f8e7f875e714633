"""The same scenarios against every version of the server: zvol and `zvol sandbox serve --version V` in real processes,
a proxy between them, and the sandbox's ledger as the judge.

`expectations` has what differs by version, in one table; `reads`, `recoveries`, `losses`, `sessions` and `followups`
are the scenarios, `site` is what each of them gets, `cells` runs them.
"""
