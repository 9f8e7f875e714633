"""Names that users may type for a command because other tools have them, and the suggestions for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zvol.text import did_you_mean

COMMANDS: Final = {
    "recover": (
        *("restore", "undelete", "rescue", "recovery", "undo", "unremove", "salvage", "untrash", "revert"),
        *("undestroy", "unrm", "undel", "retrieve"),
    ),
    "show": ("get", "describe", "info", "inspect", "view", "cat"),
    "runs": ("status", "history", "jobs", "log", "logs", "ps"),
    "list": ("ls", "volumes", "trash", "recycle-bin", "bin", "search", "find", "deleted"),
    "resume": ("continue", "retry", "finish", "wait"),
    "attach": ("mount", "connect", "reattach"),
    "login": ("signin", "sign-in", "auth", "authenticate"),
    "logout": ("signout", "sign-out"),
    "whoami": ("session", "id", "who", "account"),
    "doctor": ("check", "diagnose", "ping", "health", "test"),
    "config": ("configure", "configuration", "settings", "setup", "profile", "profiles"),
    "completion": ("completions", "autocomplete"),
    "sandbox": ("demo", "server"),
    "help": ("man", "usage"),
}
"""Names in other tools, by the command of zvol."""

IN_GROUPS: Final = {
    "show": ("list", "print", "dump"),
    "serve": ("start", "run", "up"),
    "reset": ("clean", "clear", "renew"),
    "init": ("create", "new", "setup"),
    "validate": ("check", "lint", "verify", "test"),
    "forget": ("close", "rm", "remove", "delete", "drop", "cancel"),
}
"""The same for the commands of groups."""

NEVER: Final = {
    "deletes": ("rm", "remove", "delete", "del", "destroy", "expunge", "purge"),
    "detaches": ("detach", "unmount", "umount", "disconnect", "unattach"),
}
"""Commands that zvol never has, so no suggestion fits them."""


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return ` Did you mean X?` for the name of a command in another tool, or for a misspelt command."""
    folded = word.lower()
    tables = (*COMMANDS.items(), *IN_GROUPS.items())
    meant = next((name for name, words in tables if folded in words and name in known), None)
    never = next((does for does, words in NEVER.items() if folded in words), None)
    if meant is None and never is not None:
        return f" zvol {never} nothing."
    return did_you_mean(meant or word, known, sentence=True)
