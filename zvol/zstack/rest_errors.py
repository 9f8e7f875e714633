"""The plain words in which ZStack's REST layer refuses a request before anything is queued (contract 3.3, 4.5, 7.6).

Only a whole body of exactly one of these shapes counts: a proxy's page may hold any of the words.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 4096
"""Bytes; the longest refusal quotes a condition of ours."""

STATUSES: Final = (400, 401, 403, 500)
"""400 and 403 as seen; 500 is how a 5.2.1 says that it knows no access keys, 401 a guess about builds that do."""

_QUERY: Final = "Invalid query parameter"
_VALUE: Final = r"\. The '[^\n]*' in (?:the )?parameter\[q\] "
_SHAPES: Final = (
    (re.compile(r"missing header 'Authorization'"), True),
    (re.compile(r"Authorization type must be '\w{1,32}'"), True),
    (re.compile(r"RestAuthenticationType type: \w{1,32} was not registered by any RestAuthenticationBackend"), True),
    (re.compile(r"requestTimeTooSkewed"), True),
    (re.compile(r"'Date' must be incuded in request header"), True),
    (re.compile(r"'Date' format error, correct format is '[A-Za-z, :]{1,40}'"), True),
    (re.compile(r"accessKey format is 'ZStack AccessKeyId:Signature'"), True),
    (re.compile(r"wrong accessKey signature"), True),
    (re.compile(r"access key id[ \w\[\]:',.-]{0,100}"), True),
    (re.compile(r"the body doesn't contain action mapping to the URL\[[^\s\]<>]*\]"), False),
    (re.compile(r"Invalid header\[X-Job-UUID\], it must be a UUID with '-' stripped"), False),
    (re.compile(_QUERY + r"\[\w+\], only one value is allowed for the parameter but multiple values found"), False),
    (re.compile(_QUERY + r"\. '(?:limit|start)' must be an integer"), False),
    (re.compile(_QUERY + _VALUE + r"doesn't contain any query operator\. Valid query operators are [^\n]*\]"), False),
    (re.compile(_QUERY + _VALUE + r"is not a key-value pair split by [!=<>~? a-z]{1,8}"), False),
    (re.compile(r"\[\w+\] field is excepted an int or long, but was \[[^\n\]]*\]\."), False),
    (re.compile(r"Invalid value for boolean field \[\w+\], \[[^\n\]]*\] is not a valid boolean string\[.*\]\."), False),
)
"""What is written, and whether it is a matter of authentication.  Builds with access keys were never tried: two of
their texts are those that the vendor's own client looks for."""


def refusal(status: int, body: bytes) -> tuple[str, bool] | None:
    """Return the words, and whether they are about authentication; None for whatever ZStack did not write."""
    if status not in STATUSES or len(body) > LONGEST:
        return None
    text = text_of(body)
    return next(((text, auth) for shape, auth in _SHAPES if shape.fullmatch(text)), None)


def text_of(body: bytes) -> str:
    """Return a plain text body, empty when it is none."""
    try:
        return body[:LONGEST].decode("utf-8").strip() if len(body) <= LONGEST else ""
    except UnicodeDecodeError:
        return ""
