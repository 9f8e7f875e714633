"""What the parts of one command share; nothing is opened before it is needed, and all of it is closed together."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from zvol.cli.signals import Signals
from zvol.clock import Clock, CommandDeadline, SystemClock
from zvol.errors import ZvolError

if TYPE_CHECKING:
    from pathlib import Path

    from zvol.config.settings import SettingLayers, Settings
    from zvol.journal.journal_file import JournalFile
    from zvol.render.printer import Printer
    from zvol.session.server import Server

MOST_TYPED: Final = 1000
"""Characters of a command line that the journal keeps."""


@dataclass
class GlobalOptions:
    """The options that are not one command's alone, as they were given before or after it; None where they were not.

    `settings` holds those that are settings, by key; `arguments` is the whole command line.
    """

    columns: str | None = None
    sandbox: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    arguments: Sequence[str] = ()

    @property
    def command(self) -> str:
        """Return how to call zvol again for the same server, as a shell reads it."""
        import shlex

        if self.sandbox:
            return "zvol --sandbox"
        given = (("-p", "profile"), ("--config", "config"), ("--host", "host"))
        words = (word for option, key in given if key in self.settings for word in (option, self.settings[key]))
        return shlex.join(["zvol", *words])

    @property
    def typed(self) -> str:
        """Return the command as it was typed, for people who look at old runs; a very long one is cut."""
        import shlex

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
    def layers(self) -> SettingLayers:
        """Return where the settings come from; they read the configuration file at most once."""
        from zvol.config.settings import SettingLayers

        return SettingLayers(self.options.settings, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, and warn of what is odd in them; raises what `config.settings.resolve` raises."""
        from zvol.config.settings import resolve

        if self.options.sandbox:
            from zvol.cli.embedded import sandbox_settings

            return sandbox_settings(self.options.settings, self.stack)
        settings = resolve(self.layers)
        for text in settings.warnings:
            self.output.warn(text)
        return settings

    @cached_property
    def server(self) -> Server:
        """Return the server that the settings name; nothing is sent yet."""
        from zvol.session.server import Server

        return Server(
            self.settings,
            CommandDeadline(self.clock, self.settings.timeout, self._began),
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
        return self._output(self.options.settings.get("output") or self._format_from_settings())

    def output_for_errors(self) -> Printer:
        """Return a printer also when the settings themselves are wrong."""
        with suppress(ZvolError):
            return self.output
        from zvol.render.formats import DEFAULT, FORMATS

        name = self.options.settings.get("output") or os.environ.get("ZVOL_OUTPUT")
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
        from zvol.config.settings import output_format

        return output_format(self.layers)

    def _journal_path(self) -> Path:
        from zvol.config.paths import state_dir

        folder = state_dir(os.environ)
        return folder / "sandbox" / "journal.db" if self.options.sandbox else folder / "journal.db"

    def _trace(self, text: str) -> None:
        from zvol.cli.streams import write_error
        from zvol.text import escape_terminal

        write_error(escape_terminal(text), self.options.prefix)
