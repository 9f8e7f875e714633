"""The completion scripts of bash, zsh and fish, and the answers to them.

A script passes the line up to the cursor in COMP_LINE. The answer has one line per candidate: `plain` or `file`, the
whole word, and its description, separated by tabs.
"""

from __future__ import annotations

import os
from typing import Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

from zvol.text import escape_terminal

CURSOR: Final = "\x00"
"""Stands for the cursor while the line is split into words."""

BASH: Final = r"""%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} kind value text width=0 i
    local word=${line##*[[:space:]]}
    local before=${word%%"$2"}  # readline replaces only what follows a character such as =
    local -a values=() texts=()
    COMPREPLY=()
    while IFS=$'\t' read -r kind value text; do
        if [[ $kind == file ]]; then
            compopt -o default
            return
        fi
        value=${value#"$before"}
        values+=("$value")
        texts+=("$text")
        ((${#value} > width)) && width=${#value}
    done < <(COMP_LINE=$line %(complete_var)s=bash_complete "${1/#\~/$HOME}" 2>/dev/null)
    COMPREPLY=("${values[@]}")
    [[ $COMP_TYPE == 63 ]] && ((${#values[@]} > 1)) || return 0  # 63: a list is shown, and nothing is inserted
    for i in "${!values[@]}"; do
        [[ -n ${texts[i]} ]] || continue
        printf -v text '%%-*s  %%s' "$width" "${values[i]}" "${texts[i]}"
        COMPREPLY[i]=${text:0:${COLUMNS:-80}-1}
    done
}

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "%(prog_name)s: completion needs bash 4.4 or newer, and this is bash $BASH_VERSION" >&2
else
    complete -o nosort -F %(complete_func)s %(prog_name)s
fi
"""

ZSH: Final = r"""#compdef %(prog_name)s

%(complete_func)s() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" kind value text
    local -a plain described
    for line in "${(@f)$(COMP_LINE=$line %(complete_var)s=zsh_complete ${(Q)~words[1]} 2>/dev/null)}"; do
        IFS=$'\t' read -r kind value text <<< "$line"
        case $kind in
            file)
                compset -P '--*='
                _files
                return ;;
            plain)
                if [[ -n $text ]]; then
                    described+=("${value//:/\\:}:${text//\\/\\\\}")
                else
                    plain+=("$value")
                fi ;;
        esac
    done
    (( $#described )) && _describe -V zvol described -U
    (( $#plain )) && compadd -U -V zvol-plain -a plain
    (( $#described + $#plain ))
}

if [[ $zsh_eval_context[-1] == (loadautofunc|shfunc) ]]; then
    # a file on fpath becomes the completion function itself
    %(complete_func)s "$@"
elif (( $+functions[compdef] )); then
    compdef %(complete_func)s %(prog_name)s
else
    # compinit has not run; at the first prompt, ~/.zshrc has been read, and it may have
    _zvol_register() {
        add-zsh-hook -d precmd _zvol_register
        if (( $+functions[compdef] )); then
            compdef %(complete_func)s %(prog_name)s
        else
            print -u2 "zvol: completion needs compinit; add to ~/.zshrc: autoload -Uz compinit && compinit"
        fi
    }
    autoload -Uz add-zsh-hook && add-zsh-hook precmd _zvol_register
fi
"""

FISH: Final = r"""function %(complete_func)s
    set -l line (commandline -cp | string collect)
    for candidate in (env COMP_LINE="$line" %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 2 \t -- $candidate)
        if test "$parts[1]" = file
            set -l option (string match -r -- '^--[^=]*=' (commandline -ct))
            set -l path (string replace -r -- '^--[^=]*=' '' (commandline -ct))
            string replace -r -- '^' "$option" (__fish_complete_path "$path")
        else
            printf '%%s\t%%s\n' $parts[2] "$parts[3]"
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Shell(ShellComplete):
    """The part that all shells share; after any error it completes nothing and reports nothing."""

    def get_completion_args(self) -> tuple[list[str], str]:
        *words, last = split_arg_string(os.environ.get("COMP_LINE", "") + CURSOR)
        return words[1:], last.removesuffix(CURSOR)

    def complete(self) -> str:
        args, word = self.get_completion_args()
        option, mark, _ = word.partition("=")
        before = option + mark if mark and word.startswith("--") else ""
        try:
            found = self.get_completions(args, word)
        except Exception:  # noqa: BLE001  (nothing may appear on the line that somebody types)
            return ""
        return "\n".join(
            self.format_completion(CompletionItem(before + one.value, one.type, one.help)) for one in found
        )

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type}\t{item.value}\t{escape_terminal(item.help or '')}"


@add_completion_class
class Bash(_Shell):
    name = "bash"
    source_template = BASH


@add_completion_class
class Zsh(_Shell):
    name = "zsh"
    source_template = ZSH


@add_completion_class
class Fish(_Shell):
    name = "fish"
    source_template = FISH


SHELLS: Final = {one.name: one for one in (Bash, Zsh, Fish)}
