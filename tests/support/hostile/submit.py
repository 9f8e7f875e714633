"""`python -m tests.support.hostile.submit BASE COUNT`: one PUT for each of COUNT volumes, and its result as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from urllib.parse import urlsplit

from zvol.clock import SystemClock
from zvol.model import Endpoint
from zvol.zstack.auth import ANONYMOUS
from zvol.zstack.client import Client
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.transport import Transport


class Quick(SystemClock):
    """A PUT has one second instead of thirty, and so has its connection."""

    def real(self, seconds: float) -> float:
        return max(1.0, seconds / 30)


def main() -> None:
    url, count = urlsplit(sys.argv[1]), int(sys.argv[2])
    endpoint = Endpoint("http", str(url.hostname), int(url.port or 0), url.path)
    for number in range(count):
        transport = Transport(endpoint, clock=Quick())  # one each, for the server closes connections as it likes
        client = Client(transport, ANONYMOUS)
        began = time.monotonic()
        found = client.submit(f"{number:032x}", "d" * 32, 60, kind=DATA_VOLUME)
        seconds = time.monotonic() - began
        transport.close()
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps([type(found).__name__, seconds, size]), flush=True)


if __name__ == "__main__":
    main()
