# A picture of one figure of `speed`: a bar for each system as long as its
# median, and a mark for each run. Lines as for speed.awk.

function bar(who, label, color, y,    i, j, swap, middle)
{
    for (i = 2; i <= n[who]; i++)
        for (j = i; j > 1 && value[who, j - 1] > value[who, j]; j--) {
            swap = value[who, j]
            value[who, j] = value[who, j - 1]
            value[who, j - 1] = swap
        }
    printf "<text x=\"70\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 17,
        label
    if (!n[who])
        return
    middle = (value[who, int((n[who] + 1) / 2)] + \
        value[who, int(n[who] / 2) + 1]) / 2
    printf "<rect x=\"80\" y=\"%d\" width=\"%.1f\" height=\"24\" fill=\"%s\"/>\n",
        y, middle * scale, color
    for (i = 1; i <= n[who]; i++)
        printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" " \
            "stroke=\"black\"/>\n", 80 + value[who, i] * scale,
            80 + value[who, i] * scale, y + 4, y + 20
    printf "<text x=\"590\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 17,
        (middle >= 1000 ? sprintf("%.0f", middle) : sprintf("%.3g", middle))
}

{
    title = $1 ", " $2
    if ($4 == "-")
        next
    value[$3, ++n[$3]] = $4 + 0
    if ($4 + 0 > most)
        most = $4 + 0
}

END {
    scale = most > 0 ? 430 / most : 0
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" " \
        "height=\"100\" font-family=\"sans-serif\" font-size=\"13\">"
    print "<rect width=\"600\" height=\"100\" fill=\"white\"/>"
    printf "<text x=\"80\" y=\"20\">%s</text>\n", title
    bar("K", "kernel", "#b0b0b0", 30)
    bar("T", "Tapir", "#5b8db8", 62)
    print "</svg>"
}
