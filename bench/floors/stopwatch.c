/* Measures commands side by side: stopwatch ROUNDS PRIORITY COMMAND... ';;' COMMAND... ';;' ...
 *
 * A priority above 0 is that of SCHED_FIFO, for this program and the commands: what else runs on the machine then
 * hardly shows. It is an error if that is not permitted; `stopwatch 0 PRIORITY` only tries.
 *
 * Every round runs each command once, beginning with another one each time. One line a sample:
 * command's index, nanoseconds from the vfork to the end, microseconds of processor time and peak RSS in KiB of the
 * command and of what it has waited for, wait status. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long micros(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int rounds = atoi(argv[1]);
    struct sched_param priority = {.sched_priority = atoi(argv[2])};
    if (priority.sched_priority > 0 && sched_setscheduler(0, SCHED_FIFO, &priority)) return 4;
    if (rounds == 0) return 0;
    if (argc < 4) return 2;
    char **commands[64];
    int count = 0;
    commands[count++] = argv + 3;
    for (int i = 3; i < argc; i++)
        if (!strcmp(argv[i], ";;")) {
            argv[i] = NULL;
            if (count == 64) return 2;
            commands[count++] = argv + i + 1;
        }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return 2;
    for (int round = 0; round < rounds; round++)
        for (int step = 0; step < count; step++) {
            int which = (round + step) % count;
            long long begin = now();
            pid_t pid = vfork();
            if (pid == 0) {
                dup2(null, 1);
                dup2(null, 2);
                execvpe(commands[which][0], commands[which], environ);
                _exit(127);
            }
            if (pid < 0) return 3;
            int status;
            struct rusage usage;
            while (wait4(pid, &status, 0, &usage) != pid) {}
            long long end = now();
            printf("%d %lld %lld %ld %d\n", which, end - begin, micros(usage.ru_utime) + micros(usage.ru_stime),
                   usage.ru_maxrss, status);
        }
    return 0;
}
