"""The plain text with which ZStack's REST layer refuses a request before anything is queued.

Only a body that matches one of these patterns as a whole counts: a proxy's page may contain parts of them.
"""

from __future__ import annotations

import re
from typing import Final

MAX_BYTES: Final = 4096
"""The longest refusal quotes a condition that zvol sent."""

STATUSES: Final = (400, 401, 403, 500)
"""400 and 403 were seen; a 5.2.1, which has no access keys, says 500; 401 is a guess about builds that have them."""

_QUERY: Final = "Invalid query parameter"
_VALUE: Final = r"\. The '[^\n]*' in (?:the )?parameter\[q\] "
_PATTERNS: Final = (
    (r"missing header 'Authorization'", True),
    (r"Authorization type must be '\w{1,32}'", True),
    (r"RestAuthenticationType type: \w{1,32} was not registered by any RestAuthenticationBackend", True),
    (r"unable to find RestAuthenticationBackend\[provider type: [\w.-]{1,64}\]", True),
    (r"requestTimeTooSkewed", True),
    (r"'Date' must be incuded in request header", True),
    (r"'Date' format error, correct format is '[A-Za-z, :]{1,40}'", True),
    (r"accessKey format is 'ZStack AccessKeyId:Signature'", True),
    (r"wrong accessKey signature", True),
    (r"access key id[ \w\[\]:',.-]{0,100}", True),
    (r"the body doesn't contain action mapping to the URL\[[^\s\]<>]*\]", False),
    (r"Invalid header\[X-Job-UUID\], it must be a UUID with '-' stripped", False),
    (_QUERY + r"\[\w+\], only one value is allowed for the parameter but multiple values found", False),
    (_QUERY + r"\. '(?:limit|start)' must be an integer", False),
    (_QUERY + _VALUE + r"doesn't contain any query operator\. Valid query operators are [^\n]*\]", False),
    (_QUERY + _VALUE + r"is not a key-value pair split by [!=<>~? a-z]{1,8}", False),
    (r"\[\w+\] field is excepted an int or long, but was \[[^\n\]]*\]\.", False),
    (r"Invalid value for boolean field \[\w+\], \[[^\n\]]*\] is not a valid boolean string\[.*\]\.", False),
)
"""The patterns, compiled when they are needed, and whether each is about authentication.  Builds with access keys were
never tried: two of their texts are those that the vendor's own client looks for."""


def parse_rest_error(status: int, body: bytes) -> tuple[str, bool] | None:
    """Return the text, and whether it is about authentication; None for an answer that is not ZStack's."""
    if status not in STATUSES or len(body) > MAX_BYTES:
        return None
    text = plain_text(body)
    return next(((text, auth) for pattern, auth in _PATTERNS if re.fullmatch(pattern, text)), None)


def plain_text(body: bytes) -> str:
    """Return a body as text, empty when it is too long or not UTF-8."""
    try:
        return body[:MAX_BYTES].decode("utf-8").strip() if len(body) <= MAX_BYTES else ""
    except UnicodeDecodeError:
        return ""
