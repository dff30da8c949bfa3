/*
 * Writes SVG. Coordinates are pixels, written with one decimal; text is
 * escaped. Colours are classes: the style sheet in svg.c has each twice, for a
 * light and a dark page.
 */
#ifndef TAPIR_TOOLS_SVG_H
#define TAPIR_TOOLS_SVG_H

#include <stdbool.h>
#include <stdio.h>

struct svg {
    FILE *out;
    bool is_path_open;
    unsigned clip_count; /* each has a number */
};

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* The document's first lines; `title` and `description` are for those who do
 * not see it. */
void svg_begin(struct svg *svg, FILE *out, double width, double height,
               const char *title, const char *description);
void svg_end(struct svg *svg);

/* A group, and what a pointer over it is told; NULL for nothing. */
void svg_group(struct svg *svg, const char *class, const char *title);
/* What leaves this rectangle is not seen. */
void svg_clip(struct svg *svg, double x, double y, double width, double height);
void svg_group_end(struct svg *svg);

void svg_line(struct svg *svg, const char *class, double x1, double y1,
              double x2, double y2);
void svg_rect(struct svg *svg, const char *class, double x, double y,
              double width, double height);
__attribute__((format(printf, 6, 7))) void
svg_text(struct svg *svg, const char *class, double x, double y,
         enum svg_anchor anchor, const char *format, ...);

/* One path of many parts: its element begins with the first part, and a path
 * without any is not written. */
void svg_path_move(struct svg *svg, const char *class, double x, double y);
void svg_path_line(struct svg *svg, double x, double y);
void svg_path_end(struct svg *svg);

#endif
