_zvol_completion() {
    local line=${COMP_LINE:0:COMP_POINT} kind value text width=0 i
    local word=${line##*[[:space:]]}
    local before=${word%"$2"}  # readline replaces only what follows a character such as =
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
    done < <(COMP_LINE=$line _ZVOL_COMPLETE=bash_complete "${1/#\~/$HOME}" 2>/dev/null)
    COMPREPLY=("${values[@]}")
    [[ $COMP_TYPE == 63 ]] && ((${#values[@]} > 1)) || return 0  # 63: a list is shown, and nothing is inserted
    for i in "${!values[@]}"; do
        [[ -n ${texts[i]} ]] || continue
        printf -v text '%-*s  %s' "$width" "${values[i]}" "${texts[i]}"
        COMPREPLY[i]=${text:0:${COLUMNS:-80}-1}
    done
}

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "zvol: completion needs bash 4.4 or newer, and this is bash $BASH_VERSION" >&2
else
    complete -o nosort -F _zvol_completion zvol
fi
