"""What one run of zvol shares between its parts; nothing is opened before it is needed."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from zvol.cli.signals import Signals
from zvol.clock import Clock, SystemClock, TimeLimit
from zvol.errors import ZvolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zvol.cli.session_provider import SessionProvider
    from zvol.config.settings import Overrides, Settings
    from zvol.journal.journal import Journal
    from zvol.journal.records import Identity
    from zvol.render import Output
    from zvol.zstack.client import Client
    from zvol.zstack.transport import Transport


MOST_TYPED = 1000
"""Characters of a command line that the journal keeps."""

SANDBOX_ACCOUNT = "account admin"
"""The one that `--sandbox` works for, whatever its session."""


@dataclass
class GlobalOptions:
    """The global options as they were given, before or after the command; None where they were not."""

    profile: str | None = None
    config: str | None = None
    host: str | None = None
    output: str | None = None
    columns: str | None = None
    timeout: float | None = None
    sandbox: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_input: bool = False


class AppContext:
    """Created once for a run; `stack` closes what was opened."""

    def __init__(self, signals: Signals, clock: Clock | None = None) -> None:
        self.given = GlobalOptions()
        self.signals = signals
        self.clock: Clock = clock or SystemClock()
        self.began = self.clock.monotonic()
        self.stack = ExitStack()
        self.concurrency: int | None = None
        self.arguments: Sequence[str] = ()

    @property
    def debug(self) -> bool:
        return self.given.debug

    @property
    def stdin(self) -> TextIO | None:
        return sys.stdin

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; raises what `config.settings.resolve` raises."""
        from zvol.config.settings import Overrides, resolve

        given = self.given
        overrides = Overrides(
            profile=given.profile,
            config=given.config,
            host=given.host,
            output=given.output,
            timeout=given.timeout,
            concurrency=self.concurrency,
            no_input=given.no_input,
        )
        if given.sandbox:
            return self._sandbox_settings(overrides)
        settings = resolve(overrides, os.environ)
        for text in settings.warnings:
            self.output.warn(text)
        return settings

    def _sandbox_settings(self, overrides: Overrides) -> Settings:
        """Start the sandbox; its address and session are the only settings besides options and defaults."""
        import dataclasses

        from zvol.config.settings import resolve
        from zvol.files import private_dir
        from zvol.sandbox import embedded

        cloud = self.stack.enter_context(embedded(private_dir(self.directory / "sandbox")))
        own = dataclasses.replace(overrides, profile=None, config=None, host=None)
        made = resolve(own, {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        credential = dataclasses.replace(made.credential, sources={"session": "sandbox"})
        return dataclasses.replace(made, credential=credential, sources={**made.sources, "host": "sandbox"})

    @cached_property
    def limit(self) -> TimeLimit:
        """Return the time that this command has as long as it only reads; before it changes anything it lifts it."""
        return TimeLimit(self.clock, self.settings.timeout, self.began)

    @cached_property
    def transport(self) -> Transport:
        """Return the connections to the chosen server; nothing is sent yet."""
        from zvol.zstack.transport import Transport

        settings = self.settings
        transport = Transport(
            settings.endpoint,
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            concurrency=settings.concurrency,
            clock=self.clock,
            trace=self._trace if self.given.verbose or self.given.debug else None,
            limit=self.limit,
        )
        self.stack.callback(transport.close)
        return transport

    @cached_property
    def logins(self) -> SessionProvider:
        """Return where the session of this run is from, and how it is renewed."""
        from zvol.cli.session_provider import SessionProvider

        return SessionProvider(self)

    @cached_property
    def client(self) -> Client:
        """Return the client of the chosen server; raises what `Logins.auth` raises."""
        from zvol.zstack.client import Client

        return Client(self.transport, self.logins.auth, self.logins.renew)

    @cached_property
    def output(self) -> Output:
        """Return the printer.  Its format is an option, or a setting where there are any."""
        return self._output(self.given.output or self._format_from_settings())

    def output_for_errors(self) -> Output:
        """Return a printer also when the settings themselves are wrong."""
        with suppress(ZvolError):
            return self.output
        return self._output(self.given.output or os.environ.get("ZVOL_OUTPUT") or "table")

    def _output(self, format: str) -> Output:
        import shutil

        from zvol.render import Output

        tty = sys.stdout.isatty()
        return Output(
            format,
            sys.stdout,
            sys.stderr,
            tty=tty,
            width=shutil.get_terminal_size((80, 24)).columns if tty else 80,
            columns=self.given.columns,
            quiet=self.given.quiet,
            sandbox=self.given.sandbox,
            command=self.command,
        )

    @property
    def mark(self) -> str:
        """Return what each message on stderr begins with."""
        return "zvol (sandbox): " if self.given.sandbox else "zvol: "

    def write_error(self, text: str) -> None:
        """Say something on stderr where there may be no printer."""
        from zvol.cli.streams import write_error

        write_error(text, self.mark)

    @property
    def typed(self) -> str:
        """Return the command as it was typed, for people who look at old runs; a very long one is cut."""
        import shlex

        text = shlex.join(["zvol", *self.arguments])
        return text if len(text) <= MOST_TYPED else text[: MOST_TYPED - 1] + "…"

    @property
    def command(self) -> str:
        """Return how to call zvol again for the same server, as a shell reads it."""
        import shlex

        given = self.given
        if given.sandbox:
            return "zvol --sandbox"
        chosen = (("-p", given.profile), ("--config", given.config), ("--host", given.host))
        return shlex.join(
            ["zvol", *(word for option, value in chosen if value is not None for word in (option, value))]
        )

    def _format_from_settings(self) -> str:
        """Return the format of environment or profile; a sandbox has neither."""
        if self.given.sandbox:
            return "table"
        from zvol.config.settings import Overrides, output_format

        return output_format(Overrides(profile=self.given.profile, config=self.given.config), os.environ)

    @property
    def base(self) -> str:
        """Return what the journal calls the server; a sandbox is the same one whatever its port."""
        return "sandbox" if self.given.sandbox else self.settings.endpoint.base

    @property
    def origin(self) -> str:
        """Return the server without the prefix of its API, as the journals of the first zvol have it."""
        return "sandbox" if self.given.sandbox else self.settings.endpoint.origin

    @property
    def identity(self) -> Identity:
        """Return what the journal calls server and account; raises what `Logins.auth` raises."""
        from zvol.journal.records import Identity

        return Identity(self.base, SANDBOX_ACCOUNT if self.given.sandbox else self.logins.identity)

    @cached_property
    def directory(self) -> Path:
        """Return the folder of zvol's own state."""
        from zvol.config.paths import state_dir

        return state_dir(os.environ)

    @property
    def journal_path(self) -> Path:
        return self.directory / "sandbox" / "journal.db" if self.given.sandbox else self.directory / "journal.db"

    def open_journal(self, *, looking: bool = False) -> Journal:
        """Open the journal, `looking` where one that cannot be written is good enough; raises LocalState.

        What is old in it is forgotten at the end of the command, after everything was said.
        """
        from zvol.files import private_dir
        from zvol.journal.journal import Journal

        private_dir(self.journal_path.parent)
        journal = Journal(self.journal_path, self.clock.wall(), looking=looking)
        self.stack.callback(journal.close)
        if not looking:
            self.prune_at_end(journal)
        return journal

    def prune_at_end(self, journal: Journal) -> None:
        """Forget old runs once everything was said, unless somebody wants an end."""
        self.stack.callback(self._prune, journal)

    def sent_elsewhere(self, uuid: str) -> bool:
        """Tell whether runs of another server or account have sent something for a volume that may still act."""
        return self.journal_path.exists() and self._looked_at.foreign(self.identity, uuid)

    @cached_property
    def _looked_at(self) -> Journal:
        return self.open_journal(looking=True)

    def _prune(self, journal: Journal) -> None:
        if self.signals.first is None:
            journal.prune(self.clock.wall())

    def _trace(self, text: str) -> None:
        from zvol.text import escape_terminal

        self.write_error(escape_terminal(text))
