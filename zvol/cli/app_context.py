"""What the parts of one command share; nothing is opened before it is needed, and all of it is closed together."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from zvol.cli.signals import Signals
from zvol.clock import Clock, SystemClock, TimeLimit
from zvol.errors import ZvolError

if TYPE_CHECKING:
    from pathlib import Path

    from zvol.config.settings import Overrides, Settings
    from zvol.journal.journal_file import JournalFile
    from zvol.render.printer import Printer
    from zvol.session.server import Server

MOST_TYPED: Final = 1000
"""Characters of a command line that the journal keeps."""


@dataclass
class GlobalOptions:
    """The options that are not one command's alone, as they were given before or after it; None where they were not.

    `arguments` is the whole command line.
    """

    profile: str | None = None
    config: str | None = None
    host: str | None = None
    output: str | None = None
    columns: str | None = None
    timeout: float | None = None
    concurrency: int | None = None
    sandbox: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_input: bool = False
    arguments: Sequence[str] = ()

    @property
    def overrides(self) -> Overrides:
        """Return the options that decide settings; the sandbox is the same server whatever is configured."""
        from zvol.config.settings import Overrides

        return Overrides(
            profile=None if self.sandbox else self.profile,
            config=None if self.sandbox else self.config,
            host=None if self.sandbox else self.host,
            output=self.output,
            timeout=self.timeout,
            concurrency=self.concurrency,
            no_input=self.no_input,
        )

    @property
    def command(self) -> str:
        """Return how to call zvol again for the same server, as a shell reads it."""
        if self.sandbox:
            return "zvol --sandbox"
        given = (("-p", self.profile), ("--config", self.config), ("--host", self.host))
        return shlex.join(["zvol", *(word for option, value in given if value is not None for word in (option, value))])

    @property
    def typed(self) -> str:
        """Return the command as it was typed, for people who look at old runs; a very long one is cut."""
        text = shlex.join(["zvol", *self.arguments])
        return text if len(text) <= MOST_TYPED else text[: MOST_TYPED - 1] + "…"

    @property
    def prefix(self) -> str:
        """Return what each message on stderr begins with."""
        return "zvol (sandbox): " if self.sandbox else "zvol: "


class AppContext:
    """Created once for a command, and closed at its end."""

    def __init__(self, signals: Signals, options: GlobalOptions, clock: Clock | None = None) -> None:
        self.signals, self.options = signals, options
        self.clock: Clock = clock or SystemClock()
        self.stack = ExitStack()
        self._began = self.clock.monotonic()

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, and warn of what is odd in them; raises what `config.settings.resolve` raises."""
        from zvol.config.settings import resolve

        if self.options.sandbox:
            from zvol.cli.embedded import sandbox_settings

            return sandbox_settings(self.options.overrides, self.stack)
        settings = resolve(self.options.overrides, os.environ)
        for text in settings.warnings:
            self.output.warn(text)
        return settings

    @cached_property
    def server(self) -> Server:
        """Return the server that the settings name; nothing is sent yet."""
        from zvol.session.server import Server

        return Server(
            self.settings,
            TimeLimit(self.clock, self.settings.timeout, self._began),
            stack=self.stack,
            held=self.signals.held,
            warn=lambda text: self.output.warn(text),
            trace=self._trace if self.options.verbose or self.options.debug else None,
            sandbox=self.options.sandbox,
        )

    @cached_property
    def journal(self) -> JournalFile:
        """Return where the journal is; a sandbox has its own."""
        from zvol.journal.journal_file import JournalFile

        return JournalFile(self._journal_path, self.clock, self.stack, lambda: self.signals.first is not None)

    @cached_property
    def output(self) -> Printer:
        """Return the printer.  Its format is an option, or a setting where there are any."""
        return self._output(self.options.output or self._format_from_settings())

    def output_for_errors(self) -> Printer:
        """Return a printer also when the settings themselves are wrong."""
        with suppress(ZvolError):
            return self.output
        from zvol.render.formats import DEFAULT, FORMATS

        name = self.options.output or os.environ.get("ZVOL_OUTPUT")
        return self._output(name if name in FORMATS else DEFAULT)

    def _output(self, format: str) -> Printer:
        from zvol.render.printer import Printer
        from zvol.render.terminal import terminal_width

        tty = sys.stdout.isatty()
        return Printer(
            format,
            sys.stdout,
            sys.stderr,
            tty=tty,
            width=terminal_width(sys.stdout.fileno(), os.environ.get("COLUMNS")) if tty else 80,
            quiet=self.options.quiet,
            sandbox=self.options.sandbox,
            command=self.options.command,
        )

    def _format_from_settings(self) -> str:
        """Return the format of environment or profile; a sandbox has neither."""
        from zvol.render.formats import DEFAULT

        if self.options.sandbox:
            return DEFAULT
        from zvol.config.settings import Overrides, output_format

        return output_format(Overrides(profile=self.options.profile, config=self.options.config), os.environ)

    def _journal_path(self) -> Path:
        from zvol.config.paths import state_dir

        folder = state_dir(os.environ)
        return folder / "sandbox" / "journal.db" if self.options.sandbox else folder / "journal.db"

    def _trace(self, text: str) -> None:
        from zvol.cli.streams import write_error
        from zvol.text import escape_terminal

        write_error(escape_terminal(text), self.options.prefix)
