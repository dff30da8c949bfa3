# The table of `speed`, and its JSON, from lines: figure unit system value CPU,
# and the time of 50 and of 99 of 100 in us, where each operation has one.

function sorted(list, n, key,    i, j, swap)
{
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[key, j - 1] > list[key, j]; j--) {
            swap = list[key, j]
            list[key, j] = list[key, j - 1]
            list[key, j - 1] = swap
        }
}

function median(list, n, key)
{
    return (list[key, int((n + 1) / 2)] + list[key, int(n / 2) + 1]) / 2
}

function number(x)
{
    return x >= 1000 ? sprintf("%.0f", x) : sprintf("%.3g", x)
}

function cell(key)
{
    if (!count[key])
        return "-"
    return number(median(value, count[key], key)) " [" \
        number(value[key, 1]) ", " number(value[key, count[key]]) "]"
}

function cpu_of(key)
{
    return cpus[key] ? number(median(cpu, cpus[key], key)) : "-"
}

function percentiles_of(key)
{
    if (!timed[key])
        return "-"
    return number(median(p50, timed[key], key)) ", " \
        number(median(p99, timed[key], key))
}

function ratio_of(a, b)
{
    if (!count[a] || !count[b])
        return "-"
    return sprintf("%.2f", median(value, count[a], a) / \
        median(value, count[b], b))
}

function json_of(key,    text, i)
{
    text = "{\"values\": ["
    for (i = 1; i <= count[key]; i++)
        text = text (i > 1 ? ", " : "") value[key, i]
    text = text "]"
    if (count[key])
        text = text ", \"median\": " median(value, count[key], key)
    if (cpus[key])
        text = text ", \"cpu_seconds_per\": " median(cpu, cpus[key], key)
    if (timed[key])
        text = text ", \"p50_us\": " median(p50, timed[key], key) \
            ", \"p99_us\": " median(p99, timed[key], key)
    return text "}"
}

{
    if (!($1 in unit)) {
        unit[$1] = $2
        name[++names] = $1
    }
    key = $1 " " $3
    if ($4 == "-") {
        void[$1]++
        next
    }
    value[key, ++count[key]] = $4 + 0
    peers += $3 == "L"
    if ($5 != "-")
        cpu[key, ++cpus[key]] = $5 + 0
    if (NF >= 7) {
        p50[key, ++timed[key]] = $6 + 0
        p99[key, timed[key]] = $7 + 0
    }
}

END {
    print about ", medians [least, most]\n"
    print "| figure | | kernel | Tapir | Tapir / kernel |" \
        " CPU s, kernel | CPU s, Tapir |" \
        " p50, p99 us, kernel | p50, p99 us, Tapir | void |" \
        (peers ? " lwIP | Tapir / lwIP | CPU s, lwIP |" : "")
    print "|---|---|---|---|---|---|---|---|---|---|" \
        (peers ? "---|---|---|" : "")
    print "{\"about\": \"" about "\", \"figures\": [" >json
    for (i = 1; i <= names; i++) {
        k = name[i] " K"
        t = name[i] " T"
        sorted(value, count[k], k)
        l = name[i] " L"
        sorted(value, count[t], t)
        sorted(value, count[l], l)
        sorted(cpu, cpus[l], l)
        sorted(cpu, cpus[k], k)
        sorted(cpu, cpus[t], t)
        sorted(p50, timed[k], k)
        sorted(p50, timed[t], t)
        sorted(p99, timed[k], k)
        sorted(p99, timed[t], t)
        ratio = ratio_of(t, k)
        printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %d |", name[i],
            unit[name[i]], cell(k), cell(t), ratio, cpu_of(k), cpu_of(t),
            percentiles_of(k), percentiles_of(t), void[name[i]]
        print peers ? " " cell(l) " | " ratio_of(t, l) " | " cpu_of(l) " |" : ""
        printf "  {\"figure\": \"%s\", \"unit\": \"%s\", \"ratio\": %s, " \
            "\"void\": %d,\n   \"kernel\": %s,\n   \"tapir\": %s%s}%s\n", name[i],
            unit[name[i]], ratio == "-" ? "null" : ratio, void[name[i]],
            json_of(k), json_of(t),
            count[l] ? ",\n   \"lwip\": " json_of(l) : "",
            i < names ? "," : "" >json
    }
    print "]}" >json
}
