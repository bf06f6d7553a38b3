/* Populations of sleeping processes, made to order: one line on stdin, one line on stdout. `herd PRIORITY` makes them
 * run under SCHED_FIFO, so that their ends are not held up by what else the machine does; 0 leaves that alone.
 *
 * `tree MEMBERS FANOUT` forks a tree and prints the PID of its root when all of it stands. Process i of a tree is a
 * child of process (i - 1) / FANOUT. At the end of stdin, all that is left is ended. A sleeper ends by itself after
 * LIFE seconds, so that nothing stays if this program is killed. */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFE = 900 };

static void sleeper(long index, long members, long fanout, int ready, const sigset_t *before) {
    for (long child = index * fanout + 1; child <= index * fanout + fanout && child < members; child++)
        if (fork() == 0) {
            index = child;
            child = index * fanout;
        }
    alarm(LIFE);
    sigprocmask(SIG_SETMASK, before, NULL);
    if (write(ready, "", 1) != 1) _exit(1);
    close(ready);
    for (;;) pause();
}

static void reap(void) {
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
}

int main(int argc, char **argv) {
    struct sched_param priority = {.sched_priority = argc > 1 ? atoi(argv[1]) : 0};
    if (priority.sched_priority > 0 && sched_setscheduler(0, SCHED_FIFO, &priority)) return 4;
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGTERM, SIG_DFL);
    sigset_t before, child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    int deaths = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    char line[256];
    size_t filled = 0;
    for (;;) {
        struct pollfd fds[2] = {{0, POLLIN, 0}, {deaths, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents) {
            struct signalfd_siginfo info[16];
            while (read(deaths, info, sizeof info) > 0) {}
            reap();
        }
        if (!fds[0].revents) continue;
        ssize_t n = read(0, line + filled, sizeof line - 1 - filled);
        if (n <= 0) break;
        filled += n;
        line[filled] = 0;
        char *end = strchr(line, '\n');
        if (!end) continue;
        filled = 0;
        long members, fanout;
        if (sscanf(line, "tree %ld %ld", &members, &fanout) != 2 || fanout < 1) break;
        int ready[2];
        if (pipe(ready)) break;
        fflush(stdout);
        pid_t root = fork();
        if (root == 0) {
            close(ready[0]);
            sleeper(0, members, fanout, ready[1], &before);
        }
        close(ready[1]);
        long standing = 0;
        char bytes[4096];
        while ((n = read(ready[0], bytes, sizeof bytes)) > 0) standing += n;
        close(ready[0]);
        printf("%d %ld\n", root, standing);
        fflush(stdout);
    }
    /* The session was made above: nobody else is in this group. */
    kill(0, SIGKILL);
    return 0;
}
