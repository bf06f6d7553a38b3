/* The floor for the whole table: getdents of /proc, and openat, read and close of each process's stat. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
    unsigned long long inode;
    long long offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

int main(void) {
    static char names[32768], row[4096];
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return 1;
    long count = 0, bytes = 0, got;
    while ((got = syscall(SYS_getdents64, proc, names, sizeof names)) > 0)
        for (long at = 0; at < got;) {
            struct entry *entry = (struct entry *)(names + at);
            at += entry->length;
            if (entry->name[0] < '0' || entry->name[0] > '9') continue;
            char path[32];
            size_t length = strlen(entry->name);
            memcpy(path, entry->name, length);
            memcpy(path + length, "/stat", 6);
            int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
            if (file < 0) continue;
            ssize_t n = read(file, row, sizeof row);
            close(file);
            if (n > 0) count++, bytes += n;
        }
    printf("%ld processes, %ld bytes\n", count, bytes);
    return 0;
}
