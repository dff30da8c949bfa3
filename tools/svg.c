#include "svg.h"

#include <stdarg.h>

enum { TEXT_MAX = 1024 };

/*
 * The two palettes: every colour has a contrast of 4.5 to its paper or more, as
 * WCAG 2.1 1.4.3 asks of text, and what is told by colour is told by shape too.
 */
static const char style[] =
    "<style>\n"
    "svg{--paper:#ffffff;--ink:#1f2328;--faint:#59636e;--grid:#e4e8ec;"
    "--data:#24476b;--ack:#0b7a43;--window:#8f5b00;--again:#c8102e;"
    "--sack:#7b3ff2;--order:#b0258c;--flight:#0969da;--cwnd:#b3400a;"
    "--chip:#eef1f4;"
    "font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\n"
    "@media (prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;"
    "--faint:#9ba5b0;--grid:#242b33;--data:#a9c7e8;--ack:#4cc38a;"
    "--window:#e3b341;--again:#ff7b72;--sack:#c29bff;--order:#f58ad0;"
    "--flight:#6cb6ff;--cwnd:#ffa657;--chip:#1c232b}}\n"
    ".paper{fill:var(--paper)}\n"
    "text{fill:var(--ink)}\n"
    ".title{font-size:20px;font-weight:600}\n"
    ".subtitle{font-size:13px;fill:var(--faint)}\n"
    ".heading{font-size:15px;font-weight:600}\n"
    ".tick,.key,.note{font-size:12px;fill:var(--faint)}\n"
    ".unit{font-size:12px;fill:var(--faint)}\n"
    ".code{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,"
    "monospace}\n"
    ".mark{font-size:10px;font-weight:700}\n"
    ".grid{stroke:var(--grid);fill:none}\n"
    ".axis{stroke:var(--faint);fill:none}\n"
    ".chip{fill:var(--chip)}\n"
    ".l{fill:none;stroke-width:1.5;stroke-linejoin:round}\n"
    ".b{fill:none;stroke-width:1.5}\n"
    ".thin{stroke-width:1}\n"
    ".dash{stroke-dasharray:6 4}\n"
    ".dot{stroke-dasharray:1.5 3;stroke-linecap:round}\n"
    ".p{fill:none;stroke-width:3.2;stroke-linecap:round}\n"
    ".data{stroke:var(--data)}.ack{stroke:var(--ack)}\n"
    ".window{stroke:var(--window)}.again{stroke:var(--again)}\n"
    ".sack{stroke:var(--sack)}.order{stroke:var(--order)}\n"
    ".flight{stroke:var(--flight)}.cwnd{stroke:var(--cwnd)}\n"
    ".ink{stroke:var(--ink)}.faint{stroke:var(--faint)}\n"
    "text.again{fill:var(--again);stroke:none}\n"
    "text.sack{fill:var(--sack);stroke:none}\n"
    "text.order{fill:var(--order);stroke:none}\n"
    "text.ack{fill:var(--ack);stroke:none}\n"
    "text.data{fill:var(--data);stroke:none}\n"
    "text.window{fill:var(--window);stroke:none}\n"
    "text.halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;"
    "stroke-linejoin:round}\n"
    "</style>\n";

static void escape(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if ((unsigned char)*text < ' ')
            fputc(' ', out); /* XML knows no control characters */
        else
            fputc(*text, out);
    }
}

/* In tenths, without a decimal that is 0. */
static void number(FILE *out, double value)
{
    long tenths = (long)(value * 10 + (value < 0 ? -0.5 : 0.5));

    if (tenths < 0) {
        fputc('-', out);
        tenths = -tenths;
    }
    fprintf(out, "%ld", tenths / 10);
    if (tenths % 10 != 0)
        fprintf(out, ".%ld", tenths % 10);
}

static void attribute(FILE *out, const char *name, double value)
{
    fprintf(out, " %s=\"", name);
    number(out, value);
    fputc('"', out);
}

void svg_begin(struct svg *svg, FILE *out, double width, double height,
               const char *title, const char *description)
{
    *svg = (struct svg){.out = out};
    fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
          "aria-labelledby=\"title desc\"",
          out);
    attribute(out, "width", width);
    attribute(out, "height", height);
    fputs(" viewBox=\"0 0 ", out);
    number(out, width);
    fputc(' ', out);
    number(out, height);
    fputs("\">\n<title id=\"title\">", out);
    escape(out, title);
    fputs("</title>\n<desc id=\"desc\">", out);
    escape(out, description);
    fputs("</desc>\n", out);
    fputs(style, out);
    svg_rect(svg, "paper", 0, 0, width, height);
}

void svg_end(struct svg *svg)
{
    fputs("</svg>\n", svg->out);
}

void svg_group(struct svg *svg, const char *class, const char *title)
{
    fprintf(svg->out, "<g class=\"%s\">\n", class);
    if (title != NULL) {
        fputs("<title>", svg->out);
        escape(svg->out, title);
        fputs("</title>\n", svg->out);
    }
}

void svg_clip(struct svg *svg, double x, double y, double width, double height)
{
    unsigned number = ++svg->clip_count;

    fprintf(svg->out, "<clipPath id=\"clip%u\">", number);
    svg_rect(svg, "clip", x, y, width, height);
    fprintf(svg->out, "</clipPath>\n<g clip-path=\"url(#clip%u)\">\n", number);
}

void svg_group_end(struct svg *svg)
{
    fputs("</g>\n", svg->out);
}

void svg_line(struct svg *svg, const char *class, double x1, double y1,
              double x2, double y2)
{
    fprintf(svg->out, "<line class=\"%s\"", class);
    attribute(svg->out, "x1", x1);
    attribute(svg->out, "y1", y1);
    attribute(svg->out, "x2", x2);
    attribute(svg->out, "y2", y2);
    fputs("/>\n", svg->out);
}

void svg_rect(struct svg *svg, const char *class, double x, double y,
              double width, double height)
{
    fprintf(svg->out, "<rect class=\"%s\"", class);
    attribute(svg->out, "x", x);
    attribute(svg->out, "y", y);
    attribute(svg->out, "width", width);
    attribute(svg->out, "height", height);
    fputs("/>\n", svg->out);
}

void svg_text(struct svg *svg, const char *class, double x, double y,
              enum svg_anchor anchor, const char *format, ...)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"",
                                          " text-anchor=\"end\""};
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(svg->out, "<text class=\"%s\"", class);
    attribute(svg->out, "x", x);
    attribute(svg->out, "y", y);
    fprintf(svg->out, "%s>", anchors[anchor]);
    escape(svg->out, text);
    fputs("</text>\n", svg->out);
}

void svg_path_move(struct svg *svg, const char *class, double x, double y)
{
    if (!svg->is_path_open)
        fprintf(svg->out, "<path class=\"%s\" d=\"", class);
    svg->is_path_open = true;
    fputc('M', svg->out);
    number(svg->out, x);
    fputc(' ', svg->out);
    number(svg->out, y);
}

void svg_path_line(struct svg *svg, double x, double y)
{
    fputc('L', svg->out);
    number(svg->out, x);
    fputc(' ', svg->out);
    number(svg->out, y);
}

void svg_path_end(struct svg *svg)
{
    if (svg->is_path_open)
        fputs("\"/>\n", svg->out);
    svg->is_path_open = false;
}
