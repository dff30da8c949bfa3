# Compares what the scripts said over the kernel, over the kernel once more,
# and over Tapir: awk -v again=KERNEL-2 -v tapir=TAPIR -v known=DIFFERENCES
# -v rerun=FILE -f compare.awk KERNEL-1. A script is compared up to its first
# line that the kernel itself does not repeat, or that differs; the names of
# those that differ are written to the file `rerun`. What is in the list of
# known differences is counted, and ends the script, too.

BEGIN {
    while ((getline line <known) > 0) {
        if (line ~ /^#/ || line == "")
            continue
        if (split(line, field, "\t") != 4) {
            print "not four fields: " line
            exit bad = 2
        }
        calls[++entries] = field[1]
        kernels[entries] = field[2]
        ours[entries] = field[3]
    }
    printf "" >rerun
}

function is_known(kernel, other, i)
{
    for (i = 1; i <= entries; i++) {
        if (kernel ~ calls[i] && kernel ~ kernels[i] && other ~ ours[i]) {
            uses[i]++
            return 1
        }
    }
    return 0
}

function next_of(file, line)
{
    return (getline line <file) > 0 ? line : "(nothing)"
}

{
    second = next_of(again)
    third = next_of(tapir)
    if ($1 == "script") {
        skip = 0
        script = $0
        scripts++
        before = ""
    }
    if (skip)
        next
    lines++
    if ($0 != second) {
        unrepeatable++
        skip = 1
        print script "\n  once:  " $0 "\n  again: " second
    } else if ($0 != third && is_known($0, third)) {
        skip = 1 # what follows may come of it
    } else if ($0 != third) {
        differ++
        skip = 1
        print script before
        print "  kernel: " $0
        print "  tapir:  " third
        print script >rerun
    }
    before = before "\n    " $0
}

END {
    if (bad)
        exit bad
    for (i = 1; i <= entries; i++)
        known_lines += uses[i]
    printf "%d scripts, %d lines compared, %d scripts not repeatable, " \
           "%d lines known to differ, %d scripts differ\n",
           scripts, lines, unrepeatable, known_lines, differ
    exit differ > 0
}
