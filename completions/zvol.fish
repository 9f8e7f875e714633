function _zvol_completion
    set -l line (commandline -cp | string collect)
    for candidate in (env COMP_LINE="$line" _ZVOL_COMPLETE=fish_complete zvol 2>/dev/null)
        set -l parts (string split -m 2 \t -- $candidate)
        if test "$parts[1]" = file
            set -l option (string match -r -- '^--[^=]*=' (commandline -ct))
            set -l path (string replace -r -- '^--[^=]*=' '' (commandline -ct))
            string replace -r -- '^' "$option" (__fish_complete_path "$path")
        else
            printf '%s\t%s\n' $parts[2] "$parts[3]"
        end
    end
end

complete --no-files --keep-order --command zvol --arguments "(_zvol_completion)"
