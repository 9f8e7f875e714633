"""The identity of a run: what counts as the same server and account."""

from __future__ import annotations

import pytest

from zvol.journal.records import Identity, named_account

HERE = "https://zstack.example.com:8443/zstack"


def test_an_unknown_account_does_not_equal_itself() -> None:
    assert not Identity(HERE, None).same(Identity(HERE, None))
    assert Identity(HERE, "account a").same(Identity(HERE, "account a"))
    assert not Identity(HERE, "account a").same(Identity(HERE, "account b"))
    assert not Identity(HERE, "account a").same(Identity(HERE.removesuffix("/zstack"), "account a"))


@pytest.mark.parametrize(
    ("account", "known"),
    [
        ("account a", True),
        ("access-key x", True),
        ("account session ", True),
        ("session 0123456789abcdef", False),
        (None, False),
    ],
)
def test_a_session_does_not_name_its_account(account: str | None, known: bool) -> None:
    assert Identity(HERE, account).known is known


def test_each_account_has_its_own_name() -> None:
    pairs = [("a", None), ("a", "b"), ("a/b", None), ("a%2Fb", None), ("a", "b/c"), ("a/b", "c"), ("B", None)]
    assert len({named_account(*pair) for pair in pairs}) == len(pairs)
    assert named_account("admin", None) == "account admin"
    assert named_account("admin", "bob") == "account admin/bob"
