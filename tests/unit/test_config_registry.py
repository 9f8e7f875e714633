"""The registry and the values that derive from it have the same settings."""

from __future__ import annotations

from zvol.config.registry import CREDENTIALS, SETTINGS
from zvol.config.settings import Credential, Settings


def test_the_settings_have_a_field_for_each_key() -> None:
    derived = {"endpoint", "warnings", "credential", "sources"}
    plain = {setting.key for setting in SETTINGS.values() if not setting.credential}
    assert set(Settings._fields) == plain - {"host"} | derived


def test_the_credential_has_a_field_for_each_key() -> None:
    chosen = {"sources", "refused", "withheld", "hint"}
    assert set(Credential._fields) == {one.key for one in CREDENTIALS} | chosen
