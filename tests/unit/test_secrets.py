"""Secrets are redacted in every form in which they may be written."""

from __future__ import annotations

import base64
import json
import pickle
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import zvol.secrets
from zvol.secrets import Secret, from_outside, redact, redact_output, register_secret
from zvol.text import escape_terminal


def test_a_secret_is_not_shown_by_repr_or_format() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {secret:>20} {[secret]} {secret!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.fixture
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zvol.secrets, "_registered", {})


@pytest.mark.usefixtures("no_secrets")
def test_a_secret_is_redacted_in_every_form_and_the_text_around_it_stays() -> None:
    secret = 'pä55 "wört"/+%'
    data = secret.encode()
    Secret(secret)
    for form in (
        secret,
        secret.upper(),
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        data.hex(),
        escape_terminal(secret),
    ):
        assert redact(f"before {form} after") == "before *** after"
    for before in (b"", b"me:", b"OAuth ", b"x"):
        encoded = base64.b64encode(before + data + b":tail").decode()
        shown = redact(encoded)
        assert "***" in shown
        assert len(shown) < len(encoded) - len(data)


@pytest.mark.usefixtures("no_secrets")
@pytest.mark.parametrize("text", ["", "short7!", "password", "密码密码密码密码", "1234567890"])
def test_text_that_occurs_in_ordinary_words_is_not_redacted(text: str) -> None:
    Secret(text)
    assert redact(f"the {text} is wrong") == f"the {text} is wrong"


@given(st.text(st.characters(), min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_secret_is_redacted_anywhere(secret: str, before: str, after: str) -> None:
    assume(not (secret.isalpha() or secret.isdigit()))
    zvol.secrets._registered.clear()
    register_secret(secret)
    text = before + secret + after
    assert redact(text).count("***") >= 1
    assert secret not in redact(text).split("***")
    zvol.secrets._registered.clear()


@pytest.mark.usefixtures("no_secrets")
@pytest.mark.parametrize("text", ["the server", "correct horse staple", "it is safe", "2026-11-26", "exit code 4"])
def test_a_password_of_words_is_redacted_only_in_what_comes_from_outside(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zvol.secrets, "_ordinary", {})
    assert from_outside({"name": text}) == {"name": text}
    Secret(text)
    assert redact_output(f"zvol: {text} refused") == f"zvol: {text} refused"
    assert from_outside([{"name": f"a {text}", "size": 1, "more": [text, None]}]) == [
        {"name": "a ***", "size": 1, "more": ["***", None]}
    ]
    if not (hexed := text.encode().hex()).isdigit():
        assert redact_output(f"sent {hexed}") == "sent ***"


@pytest.mark.usefixtures("no_secrets")
def test_any_other_secret_is_redacted_in_every_output() -> None:
    for text in ("Passw0rd!", "5e55104ca4a41e5c0ffee5e55104ca4a", "correct horse batt3ry"):
        Secret(text)
        assert redact_output(f"zvol: {text}") == "zvol: ***"
