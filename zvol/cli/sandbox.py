"""`zvol sandbox`: runs and resets the small ZStack on this machine."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Group, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import Count, SettingType
from zvol.config.kinds import ZONE_NAME
from zvol.errors import Exit, LocalState, UsageProblem
from zvol.render.values import Report
from zvol.session.server import SANDBOX
from zvol.text import escape_terminal

SERVING: Final = (
    "type the next two lines in another terminal, then for example: zvol list",
    "Ctrl-C here ends the server; its data stays until you run: zvol sandbox reset",
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Release(click.ParamType[str]):
    """A release of ZStack that the sandbox emulates: a name or a number."""

    name = "version"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from zvol.sandbox.versions import NAMES, behaviour
        from zvol.text import did_you_mean

        try:
            behaviour(value)
        except ValueError as exc:
            near = did_you_mean(value, NAMES) or f"; known are {', '.join(NAMES)}, and other numbers"
            self.fail(f"{escape_terminal(value)!r} {exc}{near}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from zvol.sandbox.versions import NAMES

        del ctx, param
        return [CompletionItem(name) for name in NAMES if name.startswith(incomplete)]


class Seconds(click.ParamType[float]):
    """A number of seconds, with or without a fraction."""

    name = "seconds"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", str(value)):
            self.fail(
                f"{escape_terminal(str(value))!r} is not a number of seconds from 0 to 9999, such as 0.12.", param, ctx
            )
        return float(value)


@click.group("sandbox", cls=Group, examples=("zvol sandbox serve",))
@global_options
def command() -> None:
    """Run a small ZStack on this machine, to try zvol and to test scripts."""


@command.command("serve", short_help="Run the server until interrupted.", examples=("zvol sandbox serve --port 8080",))
@option("--port", type=Count(0, 65535), default=0, help="Port to listen on; 0 means any free port.")
@option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record accepted and executed requests in this file.",
)
@option("--job-time", type=Seconds(), default=0.12, show_default=True, help="Seconds that a recovery takes.")
@option(
    "--locale",
    type=click.Choice(("zh_CN", "en_US")),
    default="zh_CN",
    show_default=True,
    help="Language of the server's messages.",
)
@option("--zone", type=SettingType(ZONE_NAME), default="Etc/UTC", show_default=True, help="Time zone of the server.")
@option("--version", type=Release(), default="5.2.1", show_default=True, help="Release of ZStack to behave as.")
@option("--access-keys", is_flag=True, help="Accept signed requests, as the commercial edition does.")
@option("--queue-delay", type=Seconds(), default=0.0, help="Seconds that a volume is busy before its first recovery.")
@option("--lose-insert", is_flag=True, help="Run recovery jobs, but forget that they exist.")
@option("--two-nodes", is_flag=True, help="Answer every other poll like a node that missed the result.")
@option("--extra", type=Count(0, 100_000), default=0, help="Number of deleted volumes to add.")
@global_options
@pass_context
def serve(context: AppContext, /, port: int, ledger: Path | None, extra: int, **switches: Any) -> Exit:
    """Run a small ZStack on the loopback interface until interrupted.

    A shell can source the first two lines of the output: they export ZVOL_HOST and ZVOL_SESSION. To try `zvol login`,
    use the account admin and its password, password. With --access-keys, the access key zvolSandboxKey000001 has the
    secret zvol-sandbox-secret.

    The releases are 3.0, 3.10.40, 4.4.65, 4.8.22 and 5.2.1, and zsphere-4.0, zsphere-4.1, zsphere-4.2, zsphere-4.3 and
    zsphere-4.10.0; any other number behaves as the nearest known release below it. The accounts dev-team, viewer and
    guest have the same password as admin; on zsphere-4.10.0, the role of viewer allows only queries, and guest has no
    role. --queue-delay, --lose-insert and --two-nodes reproduce faults of jobs on real servers.
    """
    from zvol.sandbox import Switches
    from zvol.sandbox import serve as run_server

    _check_version(context, switches["version"], access_keys=switches["access_keys"])
    directory = context.sandbox_dir
    if extra:  # which makes a new cloud
        _end_old_cloud(context, directory)
    if sys.stdout.isatty():
        for text in SERVING:
            context.output_for_errors().hint(text)
    try:
        run_server(directory, port=port, ledger=ledger, switches=Switches(**switches), out=sys.stdout, extra=extra)
    except OSError as exc:
        if ledger is not None and exc.filename is not None:
            raise LocalState(f"cannot write {ledger}: {exc.strerror}") from None
        if exc.errno == errno.EADDRINUSE:
            raise UsageProblem(f"port {port} is in use", hint="Leave --port out, and a free one is taken.") from None
        raise
    return Exit.OK


@command.command("reset", short_help="Reset the sandbox.", examples=("zvol sandbox reset",))
@option("--night", is_flag=True, help="Add 40 volumes that a script deleted 8 hours ago, 12 of them by mistake.")
@global_options
@pass_context
def reset(context: AppContext, /, *, night: bool) -> Report:
    """Reset the sandbox to its initial state, with recent deletions."""
    from zvol.sandbox import reset as make_new

    directory = context.sandbox_dir
    make_new(directory, night=night)
    _end_old_cloud(context, directory)
    return Report(hints=["the sandbox is new"])


def _check_version(context: AppContext, version: str, *, access_keys: bool) -> None:
    """Print which release another number behaves as; refuse options that the release does not support."""
    from zvol.sandbox.versions import ON_ZSPHERE, behaviour, stand_in

    name = version if version.startswith(ON_ZSPHERE) else f"ZStack {version}"
    if access_keys and not behaviour(version).signed_requests:
        raise UsageProblem(f"{name} has no access keys", hint="They came with 3.2: leave --access-keys out.")
    if row := stand_in(version):
        context.output_for_errors().hint(f"{name} behaves as {row}, the nearest that is known")


def _end_old_cloud(context: AppContext, directory: Path) -> None:
    """Close the runs on the old cloud, whose requests cannot affect the new one."""
    from zvol.journal.journal_file import close_runs_on
    from zvol.sandbox import served_at

    for path in (directory.parent / "journal.db", directory / "journal.db"):
        try:
            close_runs_on(path, [SANDBOX, *served_at(directory)], context.clock.wall())
        except LocalState as error:
            text = f"what runs of the old cloud left pending could not be closed: {error.message}"
            context.output_for_errors().warn(f"{text}. `zvol sandbox reset` tries it again")
