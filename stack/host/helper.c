/*
 * The helper thread: it drives for programs that do not wait, because they
 * compute, or poll without waiting. Nobody wakes it for that: every few
 * milliseconds it looks whether somebody has driven since its last look, and
 * drives only if nobody has; then until a caller wants to. While a caller
 * sleeps as the driver, or there is nothing to drive, it sleeps until called.
 */
#include "host/drive.h"

#include "host/host.h"

static const usec look_interval = 4 * USEC_PER_MSEC;

/* A waiter that nobody notifies: driving ends when a caller wants to. */
static void drive_until_wanted(struct waiter *waiter)
{
    int r = drive(waiter);

    (void)r; /* no descriptor to sleep on: another try at the next look */
}

static void sleep_until_next_look(struct waiter *waiter, bool nothing_happened)
{
    struct driver *driver = &the_host.driver;
    bool deep = driver->who != NULL ? nothing_happened : !drive_is_open();

    driver->helper_sleeps_deep = deep;
    if (deep)
        waiter_sleep_in_futex(waiter, USEC_NEVER);
    else
        waiter_doze(waiter, look_interval);
    driver->helper_sleeps_deep = false;
}

static void *help(void *unused)
{
    struct driver *driver = &the_host.driver;
    uint64_t seen = 0;

    (void)unused;
    host_lock();
    while (!the_host.clock.stops) {
        bool nothing_happened = driver->passes == seen;

        if (driver->who == NULL && drive_is_open() && nothing_happened) {
            drive_until_wanted(&driver->helper);
            nothing_happened = false;
        }
        seen = driver->passes;
        sleep_until_next_look(&driver->helper, nothing_happened);
    }
    driver->has_helper = false;
    host_unlock();
    return NULL;
}

void helper_start(void)
{
    struct driver *driver = &the_host.driver;
    sigset_t all;
    sigset_t old;
    pthread_t thread;

    if (driver->has_helper || the_host.clock.stops)
        return;
    waiter_init(&driver->helper, NULL, USEC_NEVER);
    sigfillset(&all);        /* the program's are not its, */
    sigdelset(&all, SIGBUS); /* but for a fault in memory that was lent */
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    driver->has_helper = pthread_create(&thread, NULL, help, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (driver->has_helper)
        pthread_detach(thread);
}

void helper_call(void)
{
    if (the_host.driver.helper_sleeps_deep) {
        the_host.driver.helper_sleeps_deep = false;
        waiter_call(&the_host.driver.helper);
    }
}
