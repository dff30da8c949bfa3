/*
 * Names, lines and commands: see room.h.
 */
#include "room.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_behind(const struct person *person)
{
    return person->stage == IN_ROOM &&
           person->out_end - person->out_at > OUT_LEN / 2;
}

int64_t end_of_patience(const struct room *room, int64_t now)
{
    int64_t end = now;

    for (const struct person *one = room->people; one != NULL; one = one->next)
        if (is_behind(one) && one->behind_since + PATIENCE > end)
            end = one->behind_since + PATIENCE;
    return end;
}

static void queue_line(struct person *person, const char *text, int64_t now)
{
    size_t len = strlen(text);

    if (person->out_at == person->out_end) {
        person->out_at = person->out_end = 0;
        person->behind_since = 0;
        if (person->stage == IN_ROOM)
            person->deadline = now + SLOW_TIME;
    }
    if (person->out_end + len + 1 > OUT_LEN) {
        person->out_end -= person->out_at;
        memmove(person->out, person->out + person->out_at, person->out_end);
        person->out_at = 0;
    }
    if (person->out_end + len + 1 > OUT_LEN) {
        person->is_slow = true;
        return;
    }
    memcpy(person->out + person->out_end, text, len);
    person->out_end += len;
    person->out[person->out_end++] = '\n';
    if (person->behind_since == 0 && is_behind(person))
        person->behind_since = now;
}

void tell(struct person *person, int64_t now, const char *format, ...)
{
    char line[LINE_LEN + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    queue_line(person, line, now);
}

static void tell_all(struct room *room, int64_t now, const char *line)
{
    for (struct person *one = room->people; one != NULL; one = one->next)
        if (one->stage == IN_ROOM)
            queue_line(one, line, now);
    room->budget -= (long)strlen(line);
}

void announce(struct room *room, int64_t now, const char *format, ...)
{
    char line[LINE_LEN + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    tell_all(room, now, line);
}

static void say(struct room *room, const struct person *person, int64_t now,
                const char *text)
{
    char *line = room->history[room->said++ % HISTORY];

    snprintf(line, LINE_LEN + 1, "%s: %.*s", person->name, TEXT_LEN, text);
    tell_all(room, now, line);
}

static void tell_history(struct room *room, struct person *person, int64_t now)
{
    unsigned long first = room->said > HISTORY ? room->said - HISTORY : 0;

    if (room->said > 0)
        tell(person, now, "* Before you came:");
    for (unsigned long i = first; i < room->said; i++)
        queue_line(person, room->history[i % HISTORY], now);
}

/* Why nobody can be called so; NULL: it is free. */
static const char *what_is_wrong_with(const struct room *room,
                                      const struct person *person,
                                      const char *name)
{
    if (*name == '\0' || strlen(name) > NAME_LEN)
        return "a name has 1 to 24 bytes";
    if (*name == '*' || *name == '/' || strpbrk(name, ": ") != NULL)
        return "a name has no ':', no space, and no '*' or '/' before it";
    for (const struct person *one = room->people; one != NULL; one = one->next)
        if (one != person && one->stage == IN_ROOM &&
            strcasecmp(one->name, name) == 0)
            return "somebody has that name";
    return NULL;
}

/* ---- What people do ---------------------------------------------------- */

static void trim(char *name)
{
    size_t len = strlen(name);

    while (len > 0 && name[len - 1] == ' ')
        name[--len] = '\0';
}

static void join(struct room *room, struct person *person, int64_t now,
                 char *name)
{
    trim(name);
    const char *wrong = what_is_wrong_with(room, person, name);

    if (wrong != NULL) {
        tell(person, now, "* Sorry, %s. Your name?", wrong);
        return;
    }
    strcpy(person->name, name);
    person->stage = IN_ROOM;
    person->deadline = now + SLOW_TIME;
    tell_history(room, person, now);
    announce(room, now, "* %s joins", person->name);
}

static void rename_person(struct room *room, struct person *person, int64_t now,
                          char *name)
{
    trim(name);
    const char *wrong = what_is_wrong_with(room, person, name);

    if (wrong != NULL) {
        tell(person, now, "* Sorry, %s", wrong);
        return;
    }
    announce(room, now, "* %s is now %s", person->name, name);
    strcpy(person->name, name);
}

/* As many to a line as there is room. */
static void tell_who(struct room *room, struct person *person, int64_t now)
{
    char line[TEXT_LEN] = "* Here:";
    size_t len = strlen(line);

    for (const struct person *one = room->people; one != NULL;
         one = one->next) {
        if (one->stage != IN_ROOM)
            continue;
        if (len + 1 + NAME_LEN >= sizeof(line)) {
            queue_line(person, line, now);
            len = strlen("* Here:");
        }
        len +=
            (size_t)snprintf(line + len, sizeof(line) - len, " %s", one->name);
    }
    queue_line(person, line, now);
}

void leave(struct room *room, struct person *person, int64_t now)
{
    bool was_in_room = person->stage == IN_ROOM;

    person->stage = LEAVING;
    person->in_at = person->in_end = 0;
    person->deadline = now + LEAVE_TIME;
    if (was_in_room)
        announce(room, now, "* %s leaves", person->name);
}

static void command(struct room *room, struct person *person, int64_t now,
                    char *line)
{
    size_t len = strcspn(line, " ");
    char *rest = line + len + strspn(line + len, " ");

    line[len] = '\0';
    if (strcmp(line, "/name") == 0) {
        rename_person(room, person, now, rest);
    } else if (strcmp(line, "/who") == 0) {
        tell_who(room, person, now);
    } else if (strcmp(line, "/quit") == 0) {
        tell(person, now, "* Bye");
        leave(room, person, now);
    } else {
        tell(person, now,
             "* /name NAME: another name; /who: who is here; /quit; //...: a "
             "line that begins with /");
    }
}

static void take_line(struct room *room, struct person *person, int64_t now)
{
    char *line = person->reader.line;

    if (person->reader.is_too_long) {
        tell(person, now, "* More than %d bytes: nobody has seen that line",
             TEXT_LEN);
        return;
    }
    clean_line(&person->reader);
    if (person->stage == NAMING)
        join(room, person, now, line);
    else if (line[0] == '/' && line[1] != '/')
        command(room, person, now, line);
    else if (line[0] != '\0')
        say(room, person, now, line[0] == '/' ? line + 1 : line);
}

static bool may_speak(const struct person *person, int64_t now)
{
    return person->paid_until <= now + BURST * PERIOD;
}

bool is_heard(const struct person *person)
{
    return person->stage == NAMING || person->stage == IN_ROOM;
}

void take_lines(struct room *room, struct person *person, int64_t now)
{
    while (is_heard(person) && may_speak(person, now) && room->budget > 0) {
        bool is_whole = false;
        while (!is_whole && person->in_at < person->in_end)
            is_whole = read_byte(&person->reader, person->in[person->in_at++]);
        /* The end of the stream ends a line, too. */
        if (!is_whole && !(person->has_ended && person->reader.len > 0))
            break;
        if (person->paid_until < now)
            person->paid_until = now;
        person->paid_until += PERIOD;
        take_line(room, person, now);
        next_line(&person->reader);
    }
    if (is_heard(person) && person->has_ended &&
        person->in_at == person->in_end && person->reader.len == 0)
        leave(room, person, now);
}
