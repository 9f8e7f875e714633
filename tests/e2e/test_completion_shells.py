"""Completion in real shells: what a tab makes of a line, and that it makes nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import shells
from tests.support.process import Sandbox, environment, sandbox
from tests.support.shells import needs, on_terminal, stub
from tests.support.warm import run

FOLDER = Path(__file__).parents[2] / "completions"
COMPINIT = "autoload -U compinit; compinit -u -D"
HINT = "zvol: completion needs compinit; add to ~/.zshrc: autoload -Uz compinit && compinit"
ANSWER = """\
plain\tpg-data\tthe first, of three: 2d 21h left
plain\tpg-wal\t$(touch pwned) `touch pwned`; touch pwned \\n
plain\t$(touch${IFS}pwned)\thostile
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("shells")) as made:
        yield made


@pytest.fixture
def real(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    """A home with a file, and zvol on the PATH, with a server."""
    env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
    (tmp_path / "home" / "my-file.yaml").touch()
    shells.real(tmp_path / "home")
    return env | {"PATH": f"{tmp_path / 'home' / 'bin'}:{env['PATH']}"}


@pytest.fixture
def stubbed(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A home with a zvol on the PATH that gives harmful answers."""
    home = tmp_path / "home"
    env = environment(home)
    stub(home, ANSWER)
    yield env | {"PATH": f"{home / 'bin'}:{env['PATH']}"}
    assert not (home / "pwned").exists()


def test_bash(real: dict[str, str]) -> None:
    with on_terminal("bash", real) as terminal:
        terminal.ready(f"source {FOLDER}/zvol.bash")
        terminal.completes("zvol recover pg-d", "zvol recover pg-data")
        terminal.completes("zvol list --sort=na", "zvol list --sort=name")
        terminal.completes("zvol --config=my", "zvol --config=my-file.yaml")


def test_bash_lists_descriptions(stubbed: dict[str, str]) -> None:
    with on_terminal("bash", stubbed | {"COLUMNS": "80"}) as terminal:
        terminal.ready(f"source {FOLDER}/zvol.bash")
        shown = terminal.completes("zvol recover \t", "hostile")
        assert "the first, of three: 2d 21h left" in shown
        assert "noise" not in shown
        terminal.type("\x15echo re''ady\n", "ready")
    assert set((Path(stubbed["HOME"]) / "asked").read_text().splitlines()) == {"zvol recover "}


def fish(script: str, env: dict[str, str]) -> list[str]:
    ended = subprocess.run(
        [needs("fish"), "-c", f"source {FOLDER}/zvol.fish; {script}"],
        env=env, cwd=env["HOME"], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def test_fish(real: dict[str, str]) -> None:
    lines = ("zvol recover pg-d", "zvol list --sort=na", "zvol --config=my", "zvol --config my")
    found = fish("; ".join(f"complete -C '{line}'" for line in lines), real)
    assert found[0].startswith("pg-data\t200 GiB, 2d "), found
    assert [line.partition("\t")[0] for line in found[1:]] == [
        "--sort=name",
        "--config=my-file.yaml",
        "my-file.yaml",
    ]


def test_fish_shows_whole_descriptions(stubbed: dict[str, str]) -> None:
    found = fish("complete -C 'zvol recover '", stubbed)
    assert found[0] == "pg-data\tthe first, of three: 2d 21h left"
    assert [line.partition("\t")[0] for line in found] == ["pg-data", "pg-wal", "$(touch${IFS}pwned)"]


@pytest.mark.parametrize("way", ["source {folder}/_zvol", "fpath=({folder} $fpath)", 'eval "$(zvol completion zsh)"'])
def test_zsh(way: str, real: dict[str, str]) -> None:
    Path(real["HOME"], ".zshrc").write_text("")
    load = [COMPINIT, way.format(folder=FOLDER)]
    with on_terminal("zsh", real) as terminal:
        terminal.ready("; ".join(reversed(load) if "fpath" in way else load))
        terminal.completes("zvol recover pg-d", "zvol recover pg-data")
        if "source" in way:
            terminal.completes("zvol list --sort=na", "zvol list --sort=name")
            terminal.completes("zvol --config=my", "zvol --config=my-file.yaml")
        terminal.completes("zvol whoa", "zvol whoami")  # the second time, a file on fpath has become the function


def test_zsh_shows_whole_descriptions(stubbed: dict[str, str]) -> None:
    Path(stubbed["HOME"], ".zshrc").write_text("")
    with on_terminal("zsh", stubbed) as terminal:
        terminal.ready(f"{COMPINIT}; source {FOLDER}/_zvol")
        shown = terminal.completes("zvol recover ", "the first, of three: 2d 21h left")
        assert "noise" not in shown


@pytest.mark.parametrize("compinit", [COMPINIT, ""])
def test_zsh_before_compinit(compinit: str, real: dict[str, str]) -> None:
    """The script in ~/.zshrc comes before compinit, as in many of them, or there is none at all."""
    Path(real["HOME"], ".zshrc").write_text(f"source {FOLDER}/_zvol\n{compinit}\n")
    with on_terminal("zsh", real) as terminal:
        shown = terminal.type("echo re''ady\n", "ready")
        assert "command not found" not in shown
        assert (HINT in shown) == (not compinit)
        if compinit:
            terminal.completes("zvol recover --stri", "--strict")
        else:
            assert HINT not in terminal.type("echo ag''ain\n", "again"), "it is said once"


# ---- zvol completion --install -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shell", "rc", "lines"),
    [
        ("bash", ".bashrc", ["source {home}/.local/share/bash-completion/completions/zvol"]),
        ("zsh", ".zshrc", ["autoload -Uz compinit && compinit", "source {home}/.local/share/zsh/site-functions/_zvol"]),
    ],
)
def test_installed_where_the_shell_looks_nowhere(
    shell: str, rc: str, lines: list[str], stubbed: dict[str, str]
) -> None:
    needs(shell)
    home = Path(stubbed["HOME"])
    (home / rc).write_text("echo my own")
    lines = [line.format(home=home) for line in lines]
    ran = run(["completion", "--install", shell], stubbed)
    file = lines[-1].removeprefix("source ")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        f"zvol: wrote {file}",
        f"zvol: added to {home / rc}: {'; '.join(lines)}",
        f"zvol: it works in each {shell} that is started from now on",
    ]
    assert Path(file).read_text() == run(["completion", shell], stubbed).out
    text = "\n".join(("echo my own", "# zvol completion", *lines, ""))
    assert (home / rc).read_text() == text
    again = run(["completion", "--install", shell], stubbed)
    assert f"zvol: {home / rc} sources it already" in again.err.splitlines()
    assert (home / rc).read_text() == text
    if lines[1:]:
        (home / rc).write_text(f"{lines[-1]}\n")
        assert f"zvol: added to {home / rc}: {lines[0]}\n" in run(["completion", "--install", shell], stubbed).err
        assert (home / rc).read_text() == f"{lines[-1]}\n# zvol completion\n{lines[0]}\n"
    stub(home, "plain\tpg-data\tone\n")
    with on_terminal(shell, stubbed) as terminal:
        terminal.ready()
        terminal.completes("zvol recover pg-d", "zvol recover pg-data")


@pytest.mark.parametrize(
    ("shell", "rc", "text", "place"),
    [
        ("bash", ".bashrc", "_comp_load() { :; }\n", ".local/share/bash-completion/completions/zvol"),
        ("zsh", ".zshrc", f"echo hello\nfpath=($HOME/.zfunc $fpath)\n{COMPINIT}\n", ".zfunc/_zvol"),
        ("fish", ".config/fish/config.fish", "", ".config/fish/completions/zvol.fish"),
    ],
)
def test_installed_where_the_shell_looks(shell: str, rc: str, text: str, place: str, stubbed: dict[str, str]) -> None:
    needs(shell)
    home = Path(stubbed["HOME"])
    (home / ".zfunc").mkdir()
    (home / rc).parent.mkdir(parents=True, exist_ok=True)
    (home / rc).write_text(text)
    ran = run(["completion", "--install", shell], stubbed)
    assert (ran.code, ran.err.splitlines()[0]) == (0, f"zvol: wrote {home / place}")
    assert len(ran.err.splitlines()) == 2
    assert (home / rc).read_text() == text
    stub(home, "plain\tpg-data\tone, two\n")
    if shell == "zsh":
        with on_terminal(shell, stubbed) as terminal:
            terminal.ready()
            terminal.completes("zvol recover pg-d", "zvol recover pg-data")
    elif shell == "fish":
        path = shutil.which("fish") or ""
        asked = [path, "-c", "complete -C 'zvol recover pg-d'"]
        ended = subprocess.run(asked, env=stubbed, capture_output=True, text=True, check=False, timeout=60)
        assert ended.stdout == "pg-data\tone, two\n"


def test_zsh_that_reads_only_its_cache(stubbed: dict[str, str]) -> None:
    """`compinit -C` does not look for new files."""
    zsh, home = needs("zsh"), Path(stubbed["HOME"])
    (home / ".zfunc").mkdir()
    (home / ".zshrc").write_text("fpath=($HOME/.zfunc $fpath)\nautoload -U compinit; compinit -C\n")
    subprocess.run([zsh, "-ic", "true"], env=stubbed, check=True, stdin=subprocess.DEVNULL)
    advice = f"zvol: zsh does not see it before its cache is removed: rm {home}/.zcompdump\n"
    for _ in range(2):
        assert run(["completion", "--install", "zsh"], stubbed).err.endswith(advice)
    (home / ".zcompdump").unlink()
    assert "cache" not in run(["completion", "--install", "zsh"], stubbed).err


def test_an_old_bash_is_told_so(stubbed: dict[str, str]) -> None:
    home = Path(stubbed["HOME"])
    for version, code in (("3.2", 2), ("4.3", 2), ("4.4", 0), ("5.0", 0)):
        (home / "bin/bash").write_text(f"#!/bin/sh\necho zvol-completion:version={version}\n")
        (home / "bin/bash").chmod(0o755)
        ran = run(["completion", "--install", "bash"], stubbed)
        assert (ran.code, f"needs bash 4.4 or newer, and this is bash {version}" in ran.err) == (code, code != 0)
    script = run(["completion", "bash"], stubbed).out
    for least, said in (("404", ""), ("9904", "zvol: completion needs bash 4.4 or newer, and this is bash ")):
        typed = [needs("bash"), "--norc", "-c", script.replace("404", least) + "complete -p zvol"]
        ended = subprocess.run(typed, env=stubbed, capture_output=True, text=True, check=False)
        assert (ended.returncode == 0, said in ended.stderr, "nosort" in ended.stdout) == (not said, True, not said)


def test_what_cannot_be_installed(stubbed: dict[str, str]) -> None:
    home = Path(stubbed["HOME"])
    nothing = run(["completion", "--install", "zsh"], stubbed | {"PATH": str(home / "bin")})
    assert (nothing.code, nothing.err) == (2, "zvol: error: zsh is not installed, or not on the PATH\n")
    (home / ".config").touch()
    ran = run(["completion", "--install", "fish"], stubbed)
    assert (ran.code, ran.out) == (7, "")
    assert ran.err.startswith(f"zvol: error: cannot write {home}/.config/fish/completions/zvol.fish: ")
    homeless = {name: value for name, value in stubbed.items() if name != "HOME"}
    assert run(["completion", "--install", "fish"], homeless).code == 2
