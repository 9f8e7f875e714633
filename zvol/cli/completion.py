"""`zvol completion`: prints the completion script of a shell."""

from __future__ import annotations

from typing import Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit

SHELLS = ("bash", "zsh", "fish")
ZSH_REGISTER: Final = """\
    if (( $+functions[compdef] )); then
        compdef _zvol_completion zvol
    else
        # compinit has not run; at the first prompt, ~/.zshrc has been read, and it may have
        _zvol_register() {
            add-zsh-hook -d precmd _zvol_register
            if (( $+functions[compdef] )); then
                compdef _zvol_completion zvol
            else
                print -u2 "zvol: completion needs compinit; add to ~/.zshrc: autoload -Uz compinit && compinit"
            fi
        }
        autoload -Uz add-zsh-hook && add-zsh-hook precmd _zvol_register
    fi
"""
"""What replaces click's call of compdef, which there is only after compinit."""


@click.command("completion", cls=Command, examples=('eval "$(zvol completion bash)"',))
@click.argument("shell", type=click.Choice(SHELLS))
@global_options
@pass_context
def command(context: AppContext, shell: str) -> Exit:
    """Print the completion script for bash, zsh or fish; the same files lie in `completions/`."""
    del context
    click.echo(script(click.get_current_context().find_root().command, shell), nl=False)
    return Exit.OK


def script(root: click.Command, shell: str) -> str:
    """Return click's completion script for a shell.

    In zsh, a file on fpath becomes the completion function itself; from the second completion on, click's script would
    only register that function again.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    if shell == "bash":
        found._check_version = staticmethod(lambda: None)  # type: ignore[attr-defined]  # the script is for another shell
    text = found(root, {}, "zvol", "_ZVOL_COMPLETE").source().strip() + "\n"
    text = text.replace("== loadautofunc ]]", "== (loadautofunc|shfunc) ]]")
    return text.replace("    compdef _zvol_completion zvol\n", ZSH_REGISTER)
