"""The server of one run: its connections, its client, and who zvol is there; each is opened when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Final

from zvol.clock import CommandDeadline
from zvol.session.provider import SessionProvider

if TYPE_CHECKING:
    from zvol.config.settings import Settings
    from zvol.journal.records import Identity
    from zvol.zstack.client import Client
    from zvol.zstack.transport import Transport
    from zvol.zstack.zones import Zone

SANDBOX: Final = "sandbox"
"""What the journal calls the embedded sandbox, whatever its port."""
SANDBOX_ACCOUNT: Final = "account admin"
"""The account that `--sandbox` works for, whatever its session."""


class Server:
    """The server that the settings name, or with `sandbox` the embedded one.

    `deadline` bounds the command as long as it only reads; before it changes anything it lifts the deadline.
    `stack` closes what is opened here, `held` holds signals back for as long as something must not be left half done,
    `warn` tells people, and `trace` gets a line for each request.
    """

    def __init__(
        self,
        settings: Settings,
        deadline: CommandDeadline,
        *,
        stack: ExitStack,
        held: Callable[[], AbstractContextManager[None]],
        warn: Callable[[str], None],
        trace: Callable[[str], None] | None = None,
        sandbox: bool = False,
    ) -> None:
        self.settings, self.deadline, self.held = settings, deadline, held
        self._stack, self._trace, self._sandbox = stack, trace, sandbox
        self.sessions = SessionProvider(settings, lambda: self.transport, deadline, stack=stack, held=held, warn=warn)

    @cached_property
    def transport(self) -> Transport:
        """Return the connections to the server; nothing is sent yet."""
        from zvol.zstack.transport import Transport

        settings = self.settings
        transport = Transport(
            settings.endpoint,
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            concurrency=settings.concurrency,
            clock=self.deadline.clock,
            trace=self._trace,
            deadline=self.deadline,
        )
        self._stack.callback(transport.close)
        return transport

    @cached_property
    def client(self) -> Client:
        """Return the client; raises what `SessionProvider.auth` raises."""
        from zvol.zstack.client import Client

        return Client(self.transport, self.sessions.auth, self.sessions.renew)

    def renew(self) -> bool:
        return self.sessions.renew()

    def zone(self, server_now: float | None) -> Zone:
        return self.sessions.zone(server_now)

    @property
    def base(self) -> str:
        """Return what the journal calls the server."""
        return SANDBOX if self._sandbox else self.settings.endpoint.base

    @property
    def origin(self) -> str:
        """Return the server without the prefix of its API, as the journals of the first zvol have it."""
        return SANDBOX if self._sandbox else self.settings.endpoint.origin

    @property
    def identity(self) -> Identity:
        """Return what the journal calls server and account; raises what `SessionProvider.auth` raises."""
        from zvol.journal.records import Identity

        return Identity(self.base, SANDBOX_ACCOUNT if self._sandbox else self.sessions.account_id)

    def accepts_session(self) -> bool | None:
        """Ask whether the server accepts the session, without renewing it; None when it does not say.

        An access key is tried with the cheapest read there is.  Raises what the request raises.
        """
        from zvol.zstack.client import Client
        from zvol.zstack.login import is_valid_session

        transport, auth = self.transport, self.sessions.auth
        if self.sessions.uses_access_key:
            Client(transport, auth).query_page("/v1/volumes", [("limit", "1"), ("fields", "uuid")])
            return True
        return is_valid_session(transport, self.sessions.session.secret)
