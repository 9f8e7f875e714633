"""Ways in which people have a secret delivered, as public reports about other tools show them, and what zvol must do.

`setup` is shell, run with bash in a new folder `$D` with the session in `$S`; `put FILE MODE` writes the session, `ro`
remounts a folder read-only, `fresh` mounts an empty tmpfs, `k8s` makes a Kubernetes volume.  `code` and `says` are what
`zvol list` must end with.  `mounts`: in a mount namespace, where this user is root.
"""

from __future__ import annotations

from dataclasses import dataclass

FILE = "export ZVOL_SESSION_FILE=$D/"
CHMOD = "Run: chmod 600"
OPEN = "others can use it"
CONFIG = 'printf "profiles:\\n  p:\\n    host: $ZVOL_HOST\\n    %s\\n"'
USE = "unset ZVOL_HOST; export ZVOL_CONFIG=$D/"


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    report: str
    setup: str
    code: int = 0
    says: str = ""
    mounts: bool = False


def _mounted(*rows: tuple[str, str, str, int, str]) -> list[Entry]:
    return [Entry(*row, mounts=True) for row in rows]


CRED = "export CREDENTIALS_DIRECTORY=$D/c; export ZVOL_SESSION_FILE=$D/c/session; mkdir c; put c/session"
SCRIPT = "put t 0700"
COMMAND = f'{CONFIG} "session_command: [$D/t]" >c; chmod 600 c'
AGENIX = "secrets; A=/run/agenix; mkdir -p $A.d/1; chmod 751 $A.d/1; ln -s $A.d/1 $A"
UNIT = "secrets; C=/run/credentials/zvol.service; mkdir -p $C; put $C/s 0440; unset CREDENTIALS_DIRECTORY"
ENTRIES = [
    *_mounted(
        ("systemd", "unit of root: 0400", f"{CRED} 0400; chmod 0500 c", 0, ""),
        ("systemd", "a database's password file, User= set: 0440 and an ACL", f"{CRED} 0440; chmod 0550 c", 0, ""),
        ("systemd", "a storage daemon with DynamicUser=: 0440", f"{CRED} 0440; chmod 0750 c", 0, ""),
        ("systemd", "the folder named through a link", f"{CRED} 0440; chmod 0550 c; mv c d; ln -s d c", 0, ""),
        ("systemd", "a folder of one's own making that all can enter", f"{CRED} 0440; chmod 0755 c", 2, OPEN),
        ("systemd", "a folder that its group can change", f"{CRED} 0440; chmod 0770 c", 2, OPEN),
        ("systemd", "a credential that all can read", f"{CRED} 0444; chmod 0550 c", 2, "mode 0444"),
        ("systemd", "a credential that its group can change", f"{CRED} 0460; chmod 0550 c", 2, "mode 0460"),
        ("systemd", "0440 beside the folder", f"{CRED} 0400; put session 0440; {FILE}session", 2, CHMOD),
        ("systemd", "0440 and no folder at all", f"{CRED} 0440; unset CREDENTIALS_DIRECTORY", 2, CHMOD),
        ("systemd", "0440 below the folder", f"{CRED} 0440; chmod 0550 c; CREDENTIALS_DIRECTORY=$D", 2, CHMOD),
        ("Kubernetes", "a secret volume: 0644 behind ..data", "k8s 0644", 0, ""),
        ("Kubernetes", "defaultMode 0400", "k8s 0400", 0, ""),
        ("Kubernetes", "fsGroup: 0640", "k8s 0640", 0, ""),
        ("Kubernetes", "a key that was mounted with 0777", "k8s 0777", 0, ""),
        ("Kubernetes", "defaultMode 0440", "k8s 0440", 0, ""),
        ("Kubernetes", "a mount point that all can write", "k8s 0644 0777", 0, ""),
        ("Kubernetes", "items with a path", f"fresh v; mkdir v/a; put v/a/s 0644; ro v; {FILE}v/a/s", 0, ""),
        ("Kubernetes", "secrets store driver: 0644, no link", f"fresh v; put v/s 0644; ro v; {FILE}v/s", 0, ""),
        (
            "Kubernetes",
            "subPath: one file",
            f"fresh v; put v/s 0644; touch s; mount --bind v/s s; ro s; {FILE}s",
            0,
            "",
        ),
        ("Kubernetes", "an emptyDir that an init container filled: 0644", "k8s 0644 0755 rw", 2, CHMOD),
        (
            "Kubernetes",
            "the whole configuration in a secret",
            f'fresh v; {CONFIG} "session: $S" >v/c; chmod 644 v/c; ro v; {USE}v/c',
            0,
            "",
        ),
        (
            "Kubernetes",
            "a volume of a sandboxed runtime: read-only, not tmpfs",
            f"mkdir v; put v/s 0644; mount --bind v v; ro v; {FILE}v/s",
            0,
            "",
        ),
        (
            "Docker",
            "-v file:ro that everybody can write",
            f"mkdir v; put v/s 0666; mount --bind v v; ro v; {FILE}v/s",
            2,
            "mounted read-only here",
        ),
        ("Docker", "-v file, 0644, writable", f"put t 0644; touch s; mount --bind t s; {FILE}s", 2, CHMOD),
        ("Docker", "Swarm: 0444", "secrets; put $R/s 0444; ro /run; export ZVOL_SESSION_FILE=$R/s", 0, ""),
        ("Docker", "Swarm through /var/run", "secrets; put $R/s 0444; export ZVOL_SESSION_FILE=/var$R/s", 0, ""),
        ("Podman", "0444, not read-only", "secrets; put $R/s 0444; export ZVOL_SESSION_FILE=$R/s", 0, ""),
        ("Docker", "BuildKit: 0400", "secrets; put $R/s 0400; export ZVOL_SESSION_FILE=$R/s", 0, ""),
        ("Docker", "mode 0440 in the stack", "secrets; put $R/s 0440; export ZVOL_SESSION_FILE=$R/s", 0, ""),
        (
            "Docker",
            "Compose: the host's file, 0664, bound read-only",
            "secrets; put s 0664; touch $R/s; mount --bind s $R/s; ro $R/s; export ZVOL_SESSION_FILE=$R/s",
            0,
            "",
        ),
        ("Docker", "a secret that all can change", "secrets; put $R/s 0666; export ZVOL_SESSION_FILE=$R/s", 2, OPEN),
        (
            "Docker",
            "a folder of secrets that all can change",
            "secrets; put $R/s 0444; chmod 777 $R; export ZVOL_SESSION_FILE=$R/s",
            2,
            OPEN,
        ),
        (
            "Docker",
            "a missing file became a folder",
            "secrets; mkdir $R/s; export ZVOL_SESSION_FILE=$R/s",
            2,
            "not a file",
        ),
        ("Docker", "/run/secret", "secrets; put $R/s 0444; export ZVOL_SESSION_FILE=/run/secret/s", 2, "No such file"),
        (
            "sops-nix",
            "generations behind a link: 0440",
            "secrets; rmdir $R; mkdir -p $R.d/1; ln -s $R.d/1 $R; put $R/s 0440; export ZVOL_SESSION_FILE=$R/s",
            0,
            "",
        ),
        (
            "sops-nix",
            "its own link elsewhere (path =): 0440",
            f"secrets; mkdir -p $R.d/1; rmdir $R; ln -s $R.d/1 $R; put $R/s 0440; ln -s $R/s s; {FILE}s",
            0,
            "",
        ),
        ("agenix", "a group that may read it: 0440", f"{AGENIX}; put $A/s 0440; export ZVOL_SESSION_FILE=$A/s", 0, ""),
        ("agenix", "its own link elsewhere", f"{AGENIX}; put $A/s 0440; ln -s $A/s s; {FILE}s", 0, ""),
        ("agenix", "that all can read", f"{AGENIX}; put $A/s 0444; export ZVOL_SESSION_FILE=$A/s", 2, OPEN),
        ("agenix", "that its group can change", f"{AGENIX}; put $A/s 0460; export ZVOL_SESSION_FILE=$A/s", 2, OPEN),
        (
            "NixOS",
            "/run/keys: 0640",
            "secrets; mkdir /run/keys; put /run/keys/s 0640; export ZVOL_SESSION_FILE=/run/keys/s",
            0,
            "",
        ),
        (
            "systemd",
            "sudo in a unit drops the variable",
            f"{UNIT}; chmod 0550 $C; export ZVOL_SESSION_FILE=$C/s",
            0,
            "",
        ),
        (
            "systemd",
            "the same, in a folder that all can enter",
            f"{UNIT}; chmod 0555 $C; export ZVOL_SESSION_FILE=$C/s",
            2,
            OPEN,
        ),
        ("Vault agent", "run as the same user, perms 0400", f"fresh v; chmod 1777 v; put v/s 0400; {FILE}v/s", 0, ""),
        ("Vault agent", "its default: 0644", f"fresh v; chmod 1777 v; put v/s 0644; {FILE}v/s", 2, CHMOD),
        ("Vault agent", "token sink: 0640", f"fresh v; chmod 1777 v; put v/s 0640; {FILE}v/s", 2, CHMOD),
    ),
    Entry("systemd", "user unit: 0400 in 0500", f"{CRED} 0400; chmod 0500 c"),
    Entry("systemd", "SetCredential without a newline", f"{CRED} 0400; chmod 600 c/session; printf $S >c/session"),
    Entry("systemd", "a credential that is not there", f"{CRED} 0400; rm -f c/session", 2, "No such file"),
    Entry("systemd", "an empty credential", f"{CRED} 0600; : >c/session", 2, "is empty"),
    Entry("stow", "a relative link", f"put t 0600; ln -s t s; {FILE}s"),
    Entry("stow", "a link to a folder", f"mkdir d; put d/s 0600; ln -s d e; {FILE}e/s"),
    Entry("stow", "up and down again", f"mkdir d e; put d/s 0600; ln -s ../d/s e/s; {FILE}e/s"),
    Entry("chezmoi", "an absolute link", f"put t 0600; ln -s $D/t s; {FILE}s"),
    Entry("home-manager", "three links in a row", f"put t 0400; ln -s t a; ln -s a b; ln -s b s; {FILE}s"),
    Entry("stow", "a link to a file that all can read", f"put t 0644; ln -s t s; {FILE}s", 2, "chmod 600"),
    Entry("stow", "a dangling link", f"ln -s t s; {FILE}s", 2, "No such file"),
    Entry("stow", "a link to itself", f"ln -s s s; {FILE}s", 2, "cannot be read"),
    Entry(
        "links", "in a folder that all can write", f"put t 0600; open; ln -s $D/t o/s; {FILE}o/s", 2, "symbolic link"
    ),
    Entry("links", "the same with the sticky bit", f"put t 0600; open; chmod 1777 o; ln -s $D/t o/s; {FILE}o/s"),
    Entry("links", "to a folder that all can write", f"open; put o/t 0600; ln -s o/t s; {FILE}s", 2, "can change"),
    Entry(
        "links", "a folder's link there", f"mkdir d; put d/s 0600; open; ln -s $D/d o/d; {FILE}o/d/s", 2, "can change"
    ),
    Entry("links", "no link, in such a folder", f"open; put o/s 0600; {FILE}o/s"),
    Entry(
        "stow", "a linked configuration with a session", f'{CONFIG} "session: $S" >t; chmod 600 t; ln -s t c; {USE}c'
    ),
    Entry(
        "stow", "the same, which all can read", f'{CONFIG} "session: $S" >t; chmod 644 t; ln -s t c; {USE}c', 2, OPEN
    ),
    Entry(
        "home-manager",
        "a linked configuration that names a file, 0444",
        f'put s 0600; {CONFIG} "session_file: $D/s" >t; chmod 444 t; ln -s t c; {USE}c',
    ),
    Entry(
        "stow",
        "a configuration that all can write says where the session goes",
        f'put s 0600; {CONFIG} "session_file: $D/s" >c; chmod 666 c; {USE}c',
        2,
        "chmod go-w",
    ),
    Entry("pass", "process substitution", "export ZVOL_SESSION_FILE=<(echo $S)"),
    Entry("pass", "several lines", "export ZVOL_SESSION_FILE=<(printf '%s\\nuser: admin\\n' $S)"),
    Entry("pass", "a passphrase is typed first", "export ZVOL_SESSION_FILE=<(sleep 0.3; echo $S)"),
    Entry("pass", "in pieces", "export ZVOL_SESSION_FILE=<(printf ${S:0:9}; sleep 0.2; printf ${S:9})"),
    Entry("pass", "a writer that stays", "export ZVOL_SESSION_FILE=<(echo $S; exec sleep 9 &>/dev/null)"),
    Entry("pass", "a program that fails", "export ZVOL_SESSION_FILE=<(exit 1)", 2, "is empty"),
    Entry("pass", "more than a session", "export ZVOL_SESSION_FILE=<(head -c 9999 /dev/zero)", 2, "more than 4096"),
    Entry("pass", "carriage returns", "export ZVOL_SESSION_FILE=<(printf '%s\\r\\n' $S)"),
    Entry("op", "the whole configuration", f'{CONFIG} "session: $S" >c; unset ZVOL_HOST\nexport ZVOL_CONFIG=<(cat c)'),
    Entry("pass", "on stdin", "export ZVOL_SESSION_FILE=/dev/stdin; exec < <(echo $S)"),
    Entry("shell", "a here-string", 'export ZVOL_SESSION_FILE=/dev/stdin; exec <<<"$S"'),
    Entry("shell", "a private file as stdin", "put s 0600; export ZVOL_SESSION_FILE=/dev/stdin; exec <s"),
    Entry(
        "shell", "an open file as stdin", "put s 0644; export ZVOL_SESSION_FILE=/dev/stdin; exec <s", 2, "chmod 600 /"
    ),
    Entry("shell", "descriptor 3", "put s 0600; export ZVOL_SESSION_FILE=/dev/fd/3; exec 3<s"),
    Entry("shell", "descriptor 3 in /proc", "export ZVOL_SESSION_FILE=/proc/self/fd/3; exec 3< <(echo $S)"),
    Entry("sudo", "a descriptor that is not passed on", "export ZVOL_SESSION_FILE=/dev/fd/63", 2, "it is not open"),
    Entry("cron", "no stdin", "export ZVOL_SESSION_FILE=/dev/stdin; exec <&-", 2, "it is not open"),
    Entry("cron", "/dev/null", "export ZVOL_SESSION_FILE=/dev/null", 2, "is not a file"),
    Entry("fifo", "private", f"mkfifo -m 600 s; {{ echo $S >s; }} & {FILE}s"),
    Entry("fifo", "late", f"mkfifo -m 600 s; {{ sleep 0.5; echo $S >s; }} & {FILE}s"),
    Entry("fifo", "that all can read", f"mkfifo -m 644 s; {FILE}s", 2, CHMOD),
    Entry("fifo", "that all can write", f"mkfifo s; chmod 622 s; {FILE}s", 2, CHMOD),
    Entry("zsh", "=(pass): a private file", f"put s 0600; {FILE}s"),
    Entry("modes", "umask 002", f"put s 0664; {FILE}s", 2, CHMOD),
    Entry("modes", "umask 027", f"put s 0640; {FILE}s", 2, CHMOD),
    Entry("modes", "umask 077", f"(umask 077; echo $S >s); {FILE}s"),
    Entry("modes", "only others", f"put s 0604; {FILE}s", 2, CHMOD),
    Entry("modes", "an ACL for somebody else shows in the group's bits", f"put s 0650; {FILE}s", 2, CHMOD),
    Entry("modes", "a name with a quote", f"put \"it's\" 0644; {FILE}it\\'s", 2, "'\"'\"'"),
    Entry("direnv", "a session in the variable", "export ZVOL_SESSION=$S"),
    Entry("direnv", "a .env with quotes", "export ZVOL_SESSION='\"'$S'\"'", 2, "32 hex digits"),
    Entry("direnv", "the header's word", 'export ZVOL_SESSION="OAuth $S"', 2, "without the word OAuth"),
    Entry("direnv", "an empty variable beside a file", f"put s 0600; export ZVOL_SESSION=; {FILE}s"),
    Entry("direnv", "~ in the variable", "put s 0600; HOME=$D; export ZVOL_SESSION_FILE='~/s'"),
    Entry("Windows", "a BOM", f"printf '\\357\\273\\277%s\\r\\n' $S >s; chmod 600 s; {FILE}s"),
    Entry(
        "Docker", "the secret itself in the variable for its file", "export ZVOL_SESSION_FILE=$S", 2, "not the secret"
    ),
    Entry(
        "Docker", "the folder of the secrets", "mkdir d; put d/s 0600; export ZVOL_SESSION_FILE=$D/d", 2, "not a file"
    ),
    Entry("GitLab", "a variable of type file: 0666", f"put s 0666; {FILE}s", 2, CHMOD),
    Entry(
        "agenix",
        "0400 behind the link of a generation",
        f"mkdir -p a.d/1; put a.d/1/s 0400; ln -s $D/a.d/1 a; {FILE}a/s",
    ),
    Entry("Kubernetes", "base64 twice", f"printf %s $S | base64 >s; chmod 600 s; {FILE}s", 2, "32 hex digits"),
    Entry("Kubernetes", "a value in quotes", f"echo \"'$S'\" >s; chmod 600 s; {FILE}s", 2, "32 hex digits"),
    Entry("Docker", "an env file", f"echo ZVOL_SESSION=$S >s; chmod 600 s; {FILE}s", 2, "32 hex digits"),
    Entry("Vault agent", "JSON", f'echo {{\\"session\\": \\"$S\\"}} >s; chmod 600 s; {FILE}s', 2, "32 hex digits"),
    Entry(
        "Vault agent",
        "a template that begins with an empty line",
        f"printf '\\n%s' $S >s; chmod 600 s; {FILE}s",
        2,
        "is empty",
    ),
    Entry("systemd", "spaces around it", f"printf ' %s \\n' $S >s; chmod 600 s; {FILE}s"),
    Entry("direnv", "a variable that nothing expands", "export ZVOL_SESSION_FILE='$HOME/s'", 2, "write the whole path"),
    Entry("systemd", "%d that an old version leaves", "export ZVOL_SESSION_FILE=%d/s", 2, "write the whole path"),
    Entry(
        "Docker", "--env-file keeps quotes", "put s 0600; export ZVOL_SESSION_FILE=\\'$D/s\\'", 2, "quotes around it"
    ),
    Entry("Docker", "the same with the session", "export ZVOL_SESSION=\\'$S\\'", 2, "the quotes around it are a part"),
    Entry("Windows", "a .env with CRLF", "export ZVOL_SESSION=$S$'\\r'", 2, "a carriage return is at its end"),
    Entry(
        "Windows", "the same with the host", "export ZVOL_HOST=$ZVOL_HOST$'\\r'", 2, "a carriage return is at its end"
    ),
    Entry("direnv", "a space behind it", 'export ZVOL_SESSION="$S "', 2, "spaces or line ends around it"),
    Entry("pass", "a program that is not executable", f"put t 0600; {COMMAND}; {USE}c", 2, "chmod +x"),
    Entry(
        "pass",
        "a program with CRLF",
        f"{SCRIPT}; printf '#!/bin/sh\\r\\n' >t; {COMMAND}; {USE}c",
        2,
        "may have a carriage",
    ),
    Entry("pass", "a program without #!", f"{SCRIPT}; {COMMAND}; {USE}c", 2, "#!/bin/sh"),
    Entry("direnv", "a URL of a file", "put s 0600; export ZVOL_SESSION_FILE=file://$D/s", 2, "No such file"),
    Entry(
        "shell", "a line end after the name", "put s 0600; export ZVOL_SESSION_FILE=$D/s$'\\n'", 2, "control character"
    ),
]
