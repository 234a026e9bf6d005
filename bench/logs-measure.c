/* logs-measure produce LENGTH BYTES REPORT   writes lines of LENGTH bytes to standard output as fast as it is read, and leaves
                                              in REPORT the processor seconds that this took
   logs-measure run COMMAND...                runs a command and all that it leaves behind to the end; prints the seconds that
                                              passed and the processor seconds of all of them */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int produce(size_t length, size_t bytes, const char *report)
{
    size_t block = 65536 / length * length;
    char *text = malloc(block);
    memset(text, 'x', block);
    for (size_t at = length - 1; at < block; at += length)
        text[at] = '\n';
    while (bytes > 0) {
        size_t part = bytes < block ? bytes : block;
        ssize_t done = write(1, text, part);
        if (done != (ssize_t)part)
            return 1;
        bytes -= done;
    }
    FILE *file = fopen(report, "w");
    return !file || fprintf(file, "%f\n", seconds(RUSAGE_SELF)) < 0 || fclose(file);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "produce") == 0)
        return produce(atol(argv[2]), atol(argv[3]), argv[4]);
    if (argc < 3 || strcmp(argv[1], "run") != 0)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    double begin = now();
    int status, worst = 0;
    if (fork() == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    while (wait(&status) > 0)
        worst |= status;
    printf("%f %f\n", now() - begin, seconds(RUSAGE_CHILDREN));
    return worst != 0;
}
