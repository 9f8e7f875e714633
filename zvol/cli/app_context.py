"""The state of one command; everything is opened when it is first needed, and closed together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
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
    from zvol.journal.journal import Journal
    from zvol.journal.journal_file import JournalFile
    from zvol.model import Volume
    from zvol.render.printer import Printer
    from zvol.session.server import Server
    from zvol.vm_instance import VmInstance

CHOICE: Final = ("profile", "config", "host")
"""The settings that choose the server."""
MAX_COMMAND: Final = 1000
"""Maximum characters of a command line in the journal."""


@dataclass(slots=True)
class GlobalOptions:
    """The options that every command takes, before or after its name; None where an option was not given.

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
        """Return how a shell calls zvol for the same server."""
        return "zvol --sandbox" if self.sandbox else self.calling(*CHOICE)

    def calling(self, *keys: str) -> str:
        """Return how a shell calls zvol with the same values of these settings, where they were options."""
        import shlex

        from zvol.config.registry import SETTINGS

        options = (
            text for key in keys if key in self.settings for text in (SETTINGS[key].option[0], self.settings[key])
        )
        return shlex.join(["zvol", *options])

    @property
    def typed(self) -> str:
        """Return the command line for the journal; a very long one is cut."""
        import shlex

        text = shlex.join(["zvol", *self.arguments])
        return text if len(text) <= MAX_COMMAND else text[: MAX_COMMAND - 1] + "…"

    @property
    def prefix(self) -> str:
        """Return the prefix of each message on stderr."""
        return "zvol (sandbox): " if self.sandbox else "zvol: "


class AppContext:
    """The state of one command; closing its `stack` closes everything that was opened."""

    def __init__(self, signals: Signals, options: GlobalOptions, clock: Clock | None = None) -> None:
        self.signals, self.options = signals, options
        self.clock: Clock = clock or SystemClock()
        self.stack = ExitStack()
        self._journal_is_readable = True
        self._began = self.clock.monotonic()

    @cached_property
    def layers(self) -> SettingLayers:
        """Return the layers of the settings; they read the configuration file at most once."""
        from zvol.config.settings import SettingLayers

        return SettingLayers(self.options.settings, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, and print their warnings; raises what `config.settings.resolve` raises."""
        from zvol.config.settings import resolve

        if self.options.sandbox:
            return self._sandbox_settings()
        settings = resolve(self.layers)
        for text in settings.warnings:
            self.output.warn(text)
        return settings

    @cached_property
    def server(self) -> Server:
        """Return the server that the settings name; nothing is sent yet."""
        return self.connect(self.settings, self._began)

    def connect(self, settings: Settings, began: float | None = None) -> Server:
        """Return the server with other settings; its time counts from `began` or from now, and nothing is sent yet."""
        from zvol.session.server import Server

        return Server(
            settings,
            CommandDeadline(self.clock, settings.timeout, began),
            stack=self.stack,
            delay_signals=self.signals.delayed,
            warn=lambda text: self.output.warn(text),
            trace=self._trace if self.options.verbose or self.options.debug else None,
            sandbox=self.options.sandbox,
        )

    @property
    def elapsed(self) -> float:
        """Return how many seconds ago the command began."""
        return self.clock.monotonic() - self._began

    @property
    def sandbox_dir(self) -> Path:
        """Return the private folder of the sandbox; raises UsageProblem without HOME, or LocalState."""
        from zvol.files import private_dir

        return private_dir(self._state_dir / "sandbox")

    @cached_property
    def journal(self) -> JournalFile:
        """Return the file of the journal; the sandbox has its own."""
        from zvol.journal.journal_file import JournalFile

        return JournalFile(self._journal_path, self.clock, self.stack, lambda: self.signals.first is not None)

    def undone_deletion(self, volume: Volume) -> str | None:
        """Return the lastOpDate of the deletion of a volume that zvol recovered; None if it has changed since."""
        from zvol.zstack.resource_kinds import DATA_VOLUME

        last_op = DATA_VOLUME.deletion_of(volume)
        return self._remembered(lambda journal: journal.undone_deletion(self.server.base, volume.uuid, last_op))

    def destruction(self, vm: VmInstance) -> str | None:
        """Return the lastOpDate of the last destruction of a VM that zvol recovered."""
        return self._remembered(lambda journal: journal.destruction(self.server.base, vm.uuid))

    def _remembered(self, ask: Callable[[Journal], str | None]) -> str | None:
        """Ask the journal; if it cannot be read, warn once and return None."""
        if not self._journal_is_readable:
            return None
        try:
            return ask(self.journal.view) if self.journal.exists else None
        except ZvolError as exc:
            self._journal_is_readable = False
            self.output.warn(exc.full_text)
            return None

    @cached_property
    def output(self) -> Printer:
        """Return the printer, with the output format of the option or of the settings."""
        return self._output(self.options.settings.get("output") or self._format_from_settings())

    def output_for_errors(self) -> Printer:
        """Return a printer for errors, which works even if the settings are wrong."""
        with suppress(ZvolError):
            return self.output
        from zvol.render.formats import DEFAULT, FORMATS

        given = self.layers.given("output")
        return self._output(given.value if given is not None and given.value in FORMATS else DEFAULT)

    def _output(self, format: str) -> Printer:
        from zvol.render.printer import Printer
        from zvol.render.terminal import message_width, terminal_height, terminal_width

        tty = sys.stdout.isatty()
        return Printer(
            format,
            sys.stdout,
            sys.stderr,
            tty=tty,
            width=terminal_width(sys.stdout.fileno(), os.environ.get("COLUMNS")) if tty else 80,
            height=terminal_height(sys.stdout.fileno()) if tty else sys.maxsize,
            error_width=message_width(sys.stderr, os.environ),
            quiet=self.options.quiet,
            mark=self.options.prefix,
            command=self.options.command,
        )

    def _format_from_settings(self) -> str:
        """Return the output format of the environment or the profile; the sandbox ignores both."""
        from zvol.render.formats import DEFAULT

        if self.options.sandbox:
            return DEFAULT
        from zvol.config.settings import output_format

        return output_format(self.layers)

    def _sandbox_settings(self) -> Settings:
        """Start the sandbox until the stack is closed, and return its settings: only options and defaults apply."""
        from zvol.config.registry import SETTINGS
        from zvol.config.settings import SettingLayers, resolve
        from zvol.sandbox import embedded

        cloud = self.stack.enter_context(embedded(self.sandbox_dir))
        given = {key: value for key, value in self.options.settings.items() if key not in CHOICE}
        own = {"host": cloud.host, "session": cloud.session}
        settings = resolve(SettingLayers(given, {SETTINGS[key].variables[0]: value for key, value in own.items()}))
        credential = settings.credential._replace(sources={"session": "sandbox"})
        return settings._replace(credential=credential, sources={**settings.sources, "host": "sandbox"})

    @property
    def _state_dir(self) -> Path:
        from zvol.config.paths import state_dir

        return state_dir(os.environ)

    def _journal_path(self) -> Path:
        return self._state_dir / ("sandbox/journal.db" if self.options.sandbox else "journal.db")

    def _trace(self, text: str) -> None:
        from zvol.cli.streams import write_message
        from zvol.text import escape_terminal

        write_message(escape_terminal(text), self.options.prefix)
