/* Writes that many MiB to stdout, or reads all of stdin: `flow write MIB`, `flow read`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[1 << 16];

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "write")) {
        for (long left = atol(argv[2]) * 16; left > 0; left--)
            for (size_t done = 0; done < sizeof block;) {
                ssize_t n = write(1, block + done, sizeof block - done);
                if (n <= 0) return 1;
                done += n;
            }
        return 0;
    }
    while (read(0, block, sizeof block) > 0) {}
    return 0;
}
