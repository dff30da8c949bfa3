#include "rerun_frame.h"

#include <signal.h>
#include <stdio.h>

DOOR void replay_frame(uint64_t number)
{
    __asm__ volatile("" : : "r"(number)); /* so that the call stays */
}

void rerun_frame_stop(uint64_t number)
{
    fprintf(stderr, "stopped before frame %llu\n", (unsigned long long)number);
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("int3"); /* here, and not deep in the C library */
#else
    raise(SIGTRAP);
#endif
}

bool rerun_is_debugged(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];
    int tracer = 0;

    if (status == NULL)
        return false;
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    fclose(status);
    return tracer != 0;
}
