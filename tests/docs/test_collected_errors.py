"""What the collector of errors finds in a source: the templates of messages, and the hints that come with each."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from tests.docs.troubleshooting.collect import collect
from tests.docs.troubleshooting.page import readable
from tests.docs.troubleshooting.program import Program
from tests.docs.troubleshooting.texts import pattern, shown


def found(folder: Path, source: str, more: str = "") -> dict[str, set[str]]:
    """Return the messages of a source with their hints; `more` is another module of it."""
    package = folder / "zvol"
    package.mkdir()
    (package / "more.py").write_text(dedent(more))
    (package / "it.py").write_text(dedent(source))
    return {one.shown: {shown(hint) for hint in one.hints} for one in collect(Program(folder))}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise UsageProblem(f'no file {path} here')", "no file {path} here"),
        ("raise UsageProblem('no file ' + str(path))", "no file {path}"),
        ("raise UsageProblem(f'no file{MORE}')", "no file at all"),
        ("raise UsageProblem(f'at most {LIMIT:,} files')", "at most 20,000 files"),
        ("raise UsageProblem('no file' if path else 'no folder')", "no folder"),
        ('raise UsageProblem(f\'no file{f" in {path}" if path else ""}\')', "no file[ in {path}]"),
        ("text = 'no file'\n    text += f' in {path}'\n    raise UsageProblem(text)", "no file in {path}"),
        ("raise UsageProblem('there is no {what}'.format(what=path))", "there is no {path}"),
        ("raise UsageProblem(TEXTS[path])", "not this one"),
        ("raise UsageProblem(said(path))", "no file in {path}"),
        ("raise NeverSent('dns', f'cannot resolve {path}')", "cannot resolve {path}"),
        ("click.UsageError('no file here')", "no file here"),
    ],
)
def test_a_message(body: str, message: str, tmp_path: Path) -> None:
    source = f"""\
    from zvol.more import said

    LIMIT = 20_000
    MORE = ' at all'
    TEXTS = {{'a': 'not this one', 'b': 'nor that one'}}
    def act(path):
        {body.replace(chr(10), chr(10) + "    ")}
    """
    assert message in found(tmp_path, source, "def said(name):\n    return f'no file in {name}'\n")


def test_a_helper_has_the_messages_of_its_callers(tmp_path: Path) -> None:
    source = """\
    def refuse(text, hint=''):
        raise UsageProblem(f'{text}; nothing was sent', hint=hint)
    def one():
        refuse('this is the first')
    def two():
        refuse('this is the second', 'Try the first.')
    """
    [message] = found(tmp_path, source)
    assert message == "{this is the first | this is the second}; nothing was sent"


def test_each_branch_has_its_own_hint(tmp_path: Path) -> None:
    source = """\
    def act(rows):
        text, hint = 'there is nothing', 'Look again.'
        if len(rows) > 1:
            text = f'there are {len(rows)} of them'
            hint = 'Choose one.'
        elif rows:
            text += ' but this one'
        raise UsageProblem(text, hint=hint)
    """
    assert found(tmp_path, source) == {
        "there is nothing": {"Look again."},
        "there are {number} of them": {"Choose one."},
        "there is nothing but this one": {"Look again."},
    }


def test_a_branch_that_ended_is_not_seen_after_it(tmp_path: Path) -> None:
    source = """\
    def act(rows):
        hint = 'Look again.'
        if rows:
            hint = 'Choose one.'
            raise UsageProblem('there are some', hint=hint)
        raise UsageProblem('there are none', hint=hint)
    """
    assert found(tmp_path, source) == {"there are some": {"Choose one."}, "there are none": {"Look again."}}


def test_a_hint_of_another_branch_is_not_of_a_message(tmp_path: Path) -> None:
    source = """\
    def act(rows, made):
        text = 'there is nothing'
        hint = ''
        if rows:
            text = 'there is something'
            hint = 'Use it.'
        elif made:
            hint = 'Make one.'
        raise UsageProblem(text, hint=hint)
    """
    assert found(tmp_path, source) == {"there is nothing": {"", "Make one."}, "there is something": {"Use it."}}


def test_text_and_hint_of_one_tuple_belong_together(tmp_path: Path) -> None:
    source = """\
    WAYS = {'a': ('the first is wrong', 'Do this.'), 'b': ('the second is wrong', 'Do that.')}
    def act(name):
        text, hint = WAYS[name]
        raise UsageProblem(text, hint=hint)
    """
    assert found(tmp_path, source) == {"the first is wrong": {"Do this."}, "the second is wrong": {"Do that."}}


def test_what_only_passes_on_is_no_error_of_its_own(tmp_path: Path) -> None:
    assert found(tmp_path, "def act(exc):\n    raise UsageProblem(str(exc))\n") == {}


def test_a_pattern_and_what_a_reader_sees(tmp_path: Path) -> None:
    package = tmp_path / "zvol"
    package.mkdir()
    (package / "it.py").write_text(
        'def act(path, port):\n    raise Refused(f\'no {path} on (it){f": {port}" if port else ""}!\')\n'
    )
    [one] = collect(Program(tmp_path))
    for text in ("no x on (it)!", "no a b on (it): 80!"):
        assert re.fullmatch(pattern(one.message), text)
    assert not re.fullmatch(pattern(one.message), "no x on (it): 80")
    assert readable(one.message) == "no PATH on (it)[: PORT]!"
