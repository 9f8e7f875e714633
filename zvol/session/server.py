"""The server of one run: its connections, its client and its sessions, each opened when first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Final

from zvol.clock import CommandDeadline
from zvol.session.provider import SessionProvider

if TYPE_CHECKING:
    from zvol.catalog.listing import RetentionContext
    from zvol.catalog.server_zone import ZoneSources
    from zvol.config.settings import Settings
    from zvol.journal.records import Identity
    from zvol.model import Volume
    from zvol.rows import VmRow, VolumeRow
    from zvol.vm_instance import VmInstance
    from zvol.zstack.client import Client
    from zvol.zstack.resource_kinds import AnyKind
    from zvol.zstack.transport import Transport

SANDBOX: Final = "sandbox"
"""The name of the embedded sandbox in the journal; its port does not matter."""
SANDBOX_ACCOUNT: Final = "account admin"
"""The account of `--sandbox` in the journal; its session does not matter."""


class Server:
    """The server of the settings, or with `sandbox` the embedded one.

    `deadline` limits commands that only read; a command lifts it before it changes anything. `stack` closes what is
    opened here, `delay_signals` delays signals during steps that must not be interrupted, `warn` prints a warning, and
    `trace` gets a line for each request.
    """

    def __init__(
        self,
        settings: Settings,
        deadline: CommandDeadline,
        *,
        stack: ExitStack,
        delay_signals: Callable[[], AbstractContextManager[None]],
        warn: Callable[[str], None],
        trace: Callable[[str], None] | None = None,
        sandbox: bool = False,
    ) -> None:
        self.settings, self.deadline, self.delay_signals = settings, deadline, delay_signals
        self._stack, self._trace, self._sandbox = stack, trace, sandbox
        self.sessions = SessionProvider(
            settings, lambda: self.transport, deadline, stack=stack, delay_signals=delay_signals, warn=warn
        )

    @cached_property
    def transport(self) -> Transport:
        """Return the connections to the server; nothing is sent yet."""
        from zvol.zstack.transport import Transport

        settings = self.settings
        transport = Transport(
            settings.endpoint,
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            proxy_from=settings.sources["proxy"],
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

    def zone_sources(self, client: Client, connect: Callable[[], Client] | None) -> ZoneSources:
        """Return the sources of the server's zone: `client` asks for it, `connect` returns a client with a session.

        Without `connect`, heartbeats are not read.
        """
        from zvol.catalog.server_zone import ZoneSources
        from zvol.zstack.zones import Zone

        profile = Zone.from_profile(self.settings.timezone)

        def heartbeats(now: float) -> Zone:
            from zvol.zstack.heartbeats import zone_from_heartbeats

            return Zone() if connect is None else zone_from_heartbeats(connect(), self.deadline, now, profile)

        return ZoneSources(client.timezone, self.sessions.zone, heartbeats, profile)

    def retention_context(self, *, dated: bool = True, kinds: Sequence[AnyKind] | None = None) -> RetentionContext:
        """Look up what the time left of deleted resources depends on, by default of data volumes.

        Raises what `SessionProvider.auth` raises. Without `dated`, there are no dates to read, and zvol does not wait
        for sources that only show the zone.
        """
        from zvol.catalog.listing import retention_context
        from zvol.zstack.resource_kinds import DATA_VOLUME

        sources = self.zone_sources(self.client, (lambda: self.client) if dated else None)
        return retention_context(self.client, sources, kinds or (DATA_VOLUME,))

    def volume_rows(self, volumes: Iterable[Volume]) -> list[VolumeRow]:
        """Return volumes with their time left, most urgent first; raises what `retention_context` raises."""
        from zvol.catalog.listing import clocks, volume_rows

        volumes = list(volumes)
        context = self.retention_context(dated=bool(volumes), kinds=clocks(volumes))
        return volume_rows(self.client, volumes, context)

    def vm_rows(self, vms: Iterable[VmInstance]) -> list[VmRow]:
        """Return VMs with their time left, most urgent first; raises what `retention_context` raises."""
        from zvol.catalog.vms import vm_rows
        from zvol.zstack.resource_kinds import VM_INSTANCE

        vms = list(vms)
        return vm_rows(self.client, vms, self.retention_context(dated=bool(vms), kinds=(VM_INSTANCE,)))

    @property
    def base(self) -> str:
        """Return the name of the server in the journal."""
        return SANDBOX if self._sandbox else self.settings.endpoint.base

    @property
    def origin(self) -> str:
        """Return the server without the prefix of its API, as journals of the first schema name it."""
        return SANDBOX if self._sandbox else self.settings.endpoint.origin

    @property
    def identity(self) -> Identity:
        """Return server and account as the journal names them; raises what `SessionProvider.auth` raises."""
        from zvol.journal.records import Identity

        return Identity(self.base, SANDBOX_ACCOUNT if self._sandbox else self.sessions.account_id)

    def accepts_session(self) -> bool | None:
        """Ask whether the server accepts the session, without renewing it; None if it does not say.

        An access key is checked with the cheapest read. Raises what the request raises.
        """
        from zvol.zstack.client import Client
        from zvol.zstack.login import is_valid_session

        transport, auth = self.transport, self.sessions.auth
        if self.sessions.uses_access_key:
            Client(transport, auth).query_page("/v1/volumes", [("limit", "1"), ("fields", "uuid")])
            return True
        return is_valid_session(transport, self.sessions.session.secret)
