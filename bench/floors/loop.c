/* The floor for ending a tree: lists it, sends TERM to each number, and waits until all have ended.
 *
 * `loop pidfd PID` holds each process by a pidfd first and waits on those; `loop proved PID` reads each row as well, and
 * leaves out who has another parent: the least that proves who is hit. `loop number PID` asks kill(pid, 0) until
 * nobody answers, which hits whoever has the number by then. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int pids[1 << 16], fds[1 << 16], count, held, proved;
static char buffer[1 << 20];

static int has_parent(int pid, int parent) {
    char path[64], row[4096];
    sprintf(path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t n = read(file, row, sizeof row - 1);
    close(file);
    row[n > 0 ? n : 0] = 0;
    char *end = strrchr(row, ')');
    int found = 0;
    return end && sscanf(end + 1, " %*c %d", &found) == 1 && found == parent;
}

static void list(int pid, int parent) {
    if (held && (fds[count] = syscall(SYS_pidfd_open, pid, 0)) < 0) return;
    if (proved && parent && !has_parent(pid, parent)) return;
    pids[count++] = pid;
    char path[64];
    sprintf(path, "/proc/%d/task/%d/children", pid, pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t all = 0, n;
    while ((n = read(file, buffer + all, sizeof buffer - 1 - all)) > 0) all += n;
    close(file);
    if (all == 0) return;
    buffer[all] = 0;
    char *copy = strdup(buffer), *next = copy;
    for (long child; (child = strtol(next, &next, 10)) > 0;) list((int)child, pid);
    free(copy);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    proved = !strcmp(argv[1], "proved");
    held = proved || !strcmp(argv[1], "pidfd");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    list(atoi(argv[2]), 0);
    for (int i = 0; i < count; i++)
        if (held) syscall(SYS_pidfd_send_signal, fds[i], SIGTERM, NULL, 0);
        else kill(pids[i], SIGTERM);
    for (int i = 0; i < count; i++)
        if (held) {
            struct pollfd one = {fds[i], POLLIN, 0};
            while (poll(&one, 1, -1) < 0 && errno == EINTR) {}
        } else {
            struct timespec pause = {0, 200000};
            while (kill(pids[i], 0) == 0) nanosleep(&pause, NULL);
        }
    printf("%d ended\n", count);
    return 0;
}
