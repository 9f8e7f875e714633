"""What is known of the versions of ZStack."""

from __future__ import annotations

from typing import Final

TRIED_VERSIONS: Final = ("5.2.",)
"""How the versions begin that zvol was tried with: they honour the API timeout of a request."""
