"""Commands in texts have the profile, host or sandbox of the command that prints them, once, in each format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import pytest

from tests.support.printed import Printed
from tests.support.results import described, failed, recovered, uuid
from zvol.catalog.attachments import Found
from zvol.cli.attach_tables import attached_table, row_of
from zvol.errors import ZvolError
from zvol.recovery.attach import Attached, AttachOutcome
from zvol.render.formats import FORMATS
from zvol.render.printer import Printer
from zvol.render.values import Recovery, Report, with_command

CALL = "zvol -p 'my cloud' --config /a/b.yaml"
HINT = "`zvol list` shows all; else `zcat LIST | zvol recover -`."
BARE = re.compile(r"(?:`|\| )zvol (?!-p 'my cloud' --config /a/b\.yaml [a-z])")
"""A command without its options, or with more than those."""
RESULTS = (
    failed(1, "a", hint=HINT),
    failed(3, "b", hint=HINT),
    recovered(2)._replace(warnings=(f"not attached: {HINT}",)),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`zvol list`", f"`{CALL} list`"),
        ("`zcat LIST | zvol recover -`", f"`zcat LIST | {CALL} recover -`"),
        ("run `zvol list` or `zvol runs`", f"run `{CALL} list` or `{CALL} runs`"),
        ("zvol logs in for each run; `zvolume`", "zvol logs in for each run; `zvolume`"),
    ],
)
def test_a_command_gets_the_options_once(text: str, shown: str) -> None:
    assert with_command(text, CALL) == shown
    assert with_command(shown, CALL) == shown
    assert with_command(text, "zvol") == text


def test_an_option_that_only_begins_in_the_same_way_is_another_one() -> None:
    assert with_command("`zvol -p ab list`", "zvol -p a") == "`zvol -p a -p ab list`"


PRINTING: Mapping[str, Callable[[Printer], object]] = {
    "recovery": lambda printer: printer.recovery(Recovery(RESULTS)),
    "report": lambda printer: printer.report(Report(failures=RESULTS, hints=[HINT], warnings=[HINT], notes=[HINT])),
    "error": lambda printer: printer.error(ZvolError("text", hint=HINT)),
    "warn": lambda printer: printer.warn(HINT),
    "hint": lambda printer: printer.hint(HINT),
}


@pytest.mark.parametrize("printing", PRINTING)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("tty", [True, False])
def test_each_hint_and_each_warning_can_be_pasted(format: str, printing: str, tty: bool) -> None:
    printed = Printed(format, tty=tty, width=2000, command=CALL)
    PRINTING[printing](printed.printer)
    text = printed.out.getvalue() + printed.err.getvalue()
    assert BARE.findall(text) == []
    assert f"{CALL} list" in text


@pytest.mark.parametrize("one", [Attached(AttachOutcome.FAILED, None, None, ZvolError("text", hint=HINT))])
def test_the_json_of_attach_has_hints_to_paste(one: Attached) -> None:
    table = attached_table([row_of(Found("a"), one, {}, CALL)])
    assert BARE.findall(json.dumps(table.to_json(table.rows[0]))) == []


def test_the_attach_command_of_a_warning_is_not_repeated() -> None:
    never = "it was never on a VM, so it was not attached: `zvol attach {} VM`"
    one = recovered(1, lastVmInstanceUuid=None)._replace(warnings=(never.format(uuid(1)),))
    printed = Printed(tty=True, width=200, command=CALL)
    known = described([one], command=CALL)
    printed.printer.recovery(Recovery([one], ["pg-data"], single=True, describe=lambda _: known))
    text = printed.out.getvalue() + printed.err.getvalue()
    assert (text.count(" attach "), text.count("never on a VM"), "is Ready and not attached." in text) == (1, 1, True)
    other = one._replace(warnings=("not attached to VM db-1: the server refused",))
    printed.printer.recovery(Recovery([other], ["pg-data"], single=True, describe=lambda _: known))
    assert "Attach it: " in printed.out.getvalue()
