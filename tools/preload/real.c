/*
 * libc's own functions: see real.h. And what the library's own calls become:
 * the linker makes __wrap_read of a call of read in an object of the library
 * (ld(1), --wrap), so that it does not meet the shim's.
 */
#include "real.h"

#include "raw.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define LONG(x) ((long)(x))
#define PASS1(a) LONG(a), 0, 0, 0, 0, 0
#define PASS3(a, b, c) LONG(a), LONG(b), LONG(c), 0, 0, 0
#define PASS(count, arguments) PASS##count arguments

static long raw_result(long result)
{
    if (result >= 0 || result < -4095) /* the kernel's range of errors */
        return result;
    errno = (int)-result;
    return -1;
}

#define DEFINE_EARLY(result, name, count, parameters, arguments)               \
    static result early_##name parameters                                      \
    {                                                                          \
        return (result)raw_result(                                             \
            raw_syscall(SYS_##name, PASS(count, arguments)));                  \
    }
REAL_EARLY(DEFINE_EARLY)

/* These three take what their caller does not say: at most so many words. */
static int early_fcntl(int fd, int command, ...)
{
    va_list rest;
    long argument;

    va_start(rest, command);
    argument = va_arg(rest, long);
    va_end(rest);
    return (int)raw_result(
        raw_syscall(SYS_fcntl, fd, command, argument, 0, 0, 0));
}

static int early_ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    long argument;

    va_start(rest, request);
    argument = va_arg(rest, long);
    va_end(rest);
    return (int)raw_result(
        raw_syscall(SYS_ioctl, fd, (long)request, argument, 0, 0, 0));
}

static long early_syscall(long number, ...)
{
    va_list rest;
    long a[6];

    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    return raw_result(raw_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/* Called in another library's constructor: no allocator's, so it may wait. */
#define DEFINE_LATER(result, name, count, parameters, arguments)               \
    static result later_##name parameters                                      \
    {                                                                          \
        real_init();                                                           \
        return real.name arguments;                                            \
    }
REAL_LATER(DEFINE_LATER)
REAL_MOVED(DEFINE_LATER)

static void later_freeaddrinfo(struct addrinfo *list)
{
    real_init();
    real.freeaddrinfo(list);
}

static void later_longjmp(struct __jmp_buf_tag *env, int value)
{
    real_init();
    real.longjmp(env, value);
}

/* What this libc does not have. */
#define DEFINE_MISSING(result, name, count, parameters, arguments)             \
    static result missing_##name parameters                                    \
    {                                                                          \
        errno = ENOSYS;                                                        \
        return (result)-1;                                                     \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
REAL_EARLY(DEFINE_MISSING)
REAL_LATER(DEFINE_MISSING)
REAL_MOVED(DEFINE_MISSING)
#pragma GCC diagnostic pop

#define INIT_EARLY(result, name, count, parameters, arguments)                 \
    .name = early_##name,
#define INIT_LATER(result, name, count, parameters, arguments)                 \
    .name = later_##name,

struct real real = {.freeaddrinfo = later_freeaddrinfo,
                    .longjmp = later_longjmp,
                    .fcntl = early_fcntl,
                    .ioctl = early_ioctl,
                    .syscall = early_syscall,
                    REAL_EARLY(INIT_EARLY) REAL_LATER(INIT_LATER)
                        REAL_MOVED(INIT_LATER)};

/* POSIX lets an object pointer from dlsym be a function's. */
#define LOOK_UP(result, name, count, parameters, arguments)                    \
    found = dlsym(RTLD_NEXT, #name);                                           \
    real.name = found != NULL ? (__typeof__(real.name))found : missing_##name;

static void look_up_others(void)
{
    void *found = dlsym(RTLD_NEXT, "fcntl64");

    if (found == NULL)
        found = dlsym(RTLD_NEXT, "fcntl");
    if (found != NULL)
        real.fcntl = (__typeof__(real.fcntl))found;
    found = dlsym(RTLD_NEXT, "siglongjmp");
    real.longjmp = (__typeof__(real.longjmp))found;
    found = dlsym(RTLD_NEXT, "freeaddrinfo");
    real.freeaddrinfo = (__typeof__(real.freeaddrinfo))found;
    if ((found = dlsym(RTLD_NEXT, "ioctl")) != NULL)
        real.ioctl = (__typeof__(real.ioctl))found;
    if ((found = dlsym(RTLD_NEXT, "syscall")) != NULL)
        real.syscall = (__typeof__(real.syscall))found;
}

void real_init(void)
{
    void *found;

    REAL_EARLY(LOOK_UP)
    REAL_LATER(LOOK_UP)
    REAL_MOVED(LOOK_UP)
    look_up_others();
}

_Noreturn void real_exit(int status)
{
    for (;;)
        raw_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* ---- What the library calls ---------------------------------------------- */

#define DEFINE_WRAP(result, name, count, parameters, arguments)                \
    result __wrap_##name parameters;                                           \
    result __wrap_##name parameters                                            \
    {                                                                          \
        return real.name arguments;                                            \
    }
REAL_EARLY(DEFINE_WRAP)
REAL_LATER(DEFINE_WRAP)

int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list rest;
    void *argument;

    va_start(rest, command);
    argument = va_arg(rest, void *);
    va_end(rest);
    return real.fcntl(fd, command, argument);
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    void *argument;

    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    return real.ioctl(fd, request, argument);
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list rest;
    long a[6];

    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
