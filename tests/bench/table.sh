# shellcheck shell=bash
# The table of `links`: its rows stand in the order of cells and algorithms,
# whenever each is done, and the sum below is of all of them. Sourced by it; the
# names in $table, $out, $continue, $pairs, $algorithms are its.

# ---- Rows -------------------------------------------------------------------

# key_of CELL...: how its row begins
key_of()
{
    printf '| %s ' "$@"
    printf '|'
}

# row_of CELL...: from the files result.PAIR in $work
row_of()
{
    local line pair median least most again void base=-
    line=$(key_of "$@")
    void=$(cat "$work"/result.* | grep -c void)
    for pair in $pairs; do
        read -r median least most < <(
            cut -d ' ' -f 1 "$work/result.$pair" | spread
        )
        again=$(cut -d ' ' -f 2 "$work/result.$pair" | spread | cut -d ' ' -f 1)
        line="$line $(number "$median") [$(number "$least"), $(number "$most")]"
        line="$line | $(number "$again") |"
        if [ "$pair" = LL ]; then
            base=$median
        else
            line="$line $(ratio "$median" "$base") |"
        fi
    done
    echo "$line $void |"
}

ratio()
{
    awk -v a="$1" -v b="$2" 'BEGIN {
        if (a == "-" || b == "-" || b == 0)
            print "-"
        else
            printf "%.2f\n", a / b
    }'
}

has_row()
{
    grep -qsF "$(key_of "$@")" "$table/rows"
}

# Several jobs may do this at once.
add_row()
{
    flock "$table/rows" sh -c 'echo "$1" >>"$0"' "$table/rows" "$1"
}

sorted_rows()
{
    LC_ALL=C sort -t '|' -k2,2n -k3,3n -k4,4 -k5,5n -k6,6 "$table/rows"
}

# ---- Head and sum -----------------------------------------------------------

say_head()
{
    local head='| Mbit/s | RTT ms | impairment | queue BDP | cc |' pair
    local rule='|---|---|---|---|---|'
    for pair in $pairs; do
        head="$head $pair Mbit/s | retrans % |"
        rule="$rule---|---|"
        [ "$pair" = LL ] && continue
        head="$head / LL |"
        rule="$rule---|"
    done
    echo "$(date -u +%F), $(uname -r), $(nproc) processors," \
        "$repeat runs of $seconds s, medians [least, most]"
    echo
    echo "$head void |"
    echo "$rule---|"
}

# For each algorithm and pair: the ratios, what was sent again, and the cells
# that are low: apart those that are below all that Linux itself shows there.
say_sum()
{
    sorted_rows | awk -F ' *[|] *' -v pairs="$pairs" '
        function cell() {
            return $2 " Mbit/s " $3 " ms " $4 " " $5 " BDP"
        }
        function median(list, n,    i, j, swap) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
                    swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap
                }
            return (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
        }
        function say(name, list) {
            printf "- %s: %s\n", name, list == "" ? "none" : list
        }
        BEGIN { count = split(pairs, pair, " ") }
        {
            if (!($6 in seen)) {
                seen[$6] = 1
                algorithm[++algorithms] = $6
            }
            voids += $(NF - 1)
            split($7, ll, /[][ ,]+/) # median, least, most
            for (p = 2; p <= count; p++) {
                name = $6 ", " pair[p]
                column = 9 + 3 * (p - 2)
                ratio = $(column + 2)
                if (ratio == "-")
                    continue
                split($column, own, /[][ ,]+/)
                ratios[name, ++n[name]] = ratio
                if ($8 != "-" && $(column + 1) != "-") {
                    shares[name]++
                    again[name] += $(column + 1)
                    again_ll[name] += $8
                }
                if (ratio >= 0.9)
                    continue
                text = cell() " (" ratio ")"
                if (own[1] < ll[2])
                    low[name] = low[name] (low[name] ? "; " : "") text
                else
                    within[name] = within[name] (within[name] ? "; " : "") text
            }
        }
        END {
            for (a = 1; a <= algorithms; a++)
                for (p = 2; p <= count; p++) {
                    name = algorithm[a] ", " pair[p]
                    if (!n[name])
                        continue
                    split("", list)
                    for (i = 1; i <= n[name]; i++)
                        list[i] = ratios[name, i] + 0
                    middle = median(list, n[name])
                    printf "\n%s / LL, %d cells: median %.2f, least %.2f, " \
                        "most %.2f; ", name, n[name], middle, list[1],
                        list[n[name]]
                    printf "sent again %.2f %%, LL %.2f %% (means)\n\n",
                        again[name] / shares[name],
                        again_ll[name] / shares[name]
                    say("under 0.9 and below all runs of LL", low[name])
                    say("under 0.9, but as LL is at times", within[name])
                }
            printf "\nVoid runs: %d\n", voids
        }'
}

# ---- The table --------------------------------------------------------------

# What FILE has, if it is to go on; it must be of the same pairs and runs.
take_old_rows()
{
    local what
    [ "$continue" ] && [ -s "$out" ] || return 0
    for what in 'runs of' 'RTT ms'; do
        [ "$(grep -m 1 "$what" "$out" | sed 's/.* processors, //')" = \
            "$(say_head | grep "$what" | sed 's/.* processors, //')" ] && continue
        echo "$out was measured otherwise: $(grep -m 1 "$what" "$out")" >&2
        exit 2
    done
    grep '^| *[0-9]' "$out" >"$table/rows"
    head -n 4 "$out" >"$table/head"
}

begin_table()
{
    : >"$table/rows"
    say_head >"$table/head"
    take_old_rows
    shown=0
    cat "$table/head"
    show_rows
}

# On standard output in order: as far as no row before them is missing. In the
# file whatever there is.
show_rows()
{
    local cell algorithm row i=0
    while read -ra cell; do
        for algorithm in $algorithms; do
            i=$((i + 1))
            [ "$i" -gt "$shown" ] || continue
            row=$(grep -F "$(key_of "${cell[@]}" "$algorithm")" "$table/rows") ||
                break 2
            echo "$row"
            shown=$i
        done
    done < <(cells)
    save_table
}

save_table()
{
    [ "$out" ] || return 0
    {
        cat "$table/head"
        sorted_rows
        say_sum
    } >"$out.new" && mv "$out.new" "$out"
}

end_table()
{
    say_sum
}
