/* The floor for one tree: walks the kernel's lists of children, and reads of each process the facts that `fell tree`
 * shows: row, command line, owner, inode of the pidfd. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char buffer[1 << 20];

static ssize_t whole(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t all = 0, n;
    while ((n = read(file, buffer + all, sizeof buffer - 1 - all)) > 0) all += n;
    close(file);
    buffer[all] = 0;
    return all;
}

static void visit(int pid, int depth) {
    char path[64], row[4096], command[4096];
    struct stat task, owner, held = {0};
    int fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return;
    fstat(fd, &held);
    sprintf(path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t n = read(file, row, sizeof row - 1);
    close(file);
    row[n > 0 ? n : 0] = 0;
    sprintf(path, "/proc/%d/cmdline", pid);
    n = whole(path);
    snprintf(command, sizeof command, "%.4000s", n > 0 ? buffer : "");
    sprintf(path, "/proc/%d", pid);
    stat(path, &owner);
    close(fd);
    char *name = strchr(row, '('), *end = strrchr(row, ')');
    unsigned long long user = 0, system = 0, start = 0;
    long pages = 0, threads = 0;
    char state = '?';
    int parent = 0;
    if (end)
        sscanf(end + 1, " %c %d %*d %*d %*d %*d %*d %*d %*d %*d %*d %llu %llu %*d %*d %*d %*d %ld %*d %llu %*d %ld", &state,
               &parent, &user, &system, &threads, &start, &pages);
    printf("%d:%llu %d %c %llu %llu %ld %ld %u %*s%.*s %s\n", pid, (unsigned long long)held.st_ino, parent, state,
           user + system, start, threads, pages, owner.st_uid, depth, "", name && end ? (int)(end - name + 1) : 0,
           name ? name : "", command);
    sprintf(path, "/proc/%d/task", pid);
    if (stat(path, &task)) return;
    /* Of a process with several threads, the one that leads is read here; the populations have no other. */
    sprintf(path, "/proc/%d/task/%d/children", pid, pid);
    n = whole(path);
    if (n <= 0) return;
    char *list = strdup(buffer), *next = list;
    for (long child; (child = strtol(next, &next, 10)) > 0;) visit((int)child, depth + 1);
    free(list);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    visit(atoi(argv[1]), 0);
    return 0;
}
