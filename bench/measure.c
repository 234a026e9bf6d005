/* Times processes. Reads a plan, runs all of its subjects once per round, in another order each time, and prints a
   line "SUBJECT ROUND MICROSECONDS PEAK_KB" for each. This program is small so that a child which has not yet called
   execve(2), and thus shares our pages, adds nothing to the peak that the kernel reports for it.

     measure ROUNDS WARM_UP SETTLE_MILLISECONDS PLAN STDERR_FILE

   Lines of a plan, words parted by tabs:
     subject NAME       begins a subject
     time COMMAND...    runs a command; counts
     free COMMAND...    runs a command; does not count
     wait FILE          waits for the end of the process whose pid is in the file; does not count */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SUBJECTS = 32, STEPS = 8, WORDS = 24 };
struct step { char *words[WORDS + 1]; };
static struct subject { char *name; struct step steps[STEPS]; int count; } subjects[SUBJECTS];
static int subject_count;
static const char *errors;

static void stop(const char *what, const char *name)
{
    fprintf(stderr, "measure: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void read_plan(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[8192];
    if (!file) stop("cannot read", path);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *rest = strdup(line), *kind = strsep(&rest, "\t");
        if (strcmp(kind, "subject") == 0) {
            if (subject_count == SUBJECTS) stop("too many subjects in", path);
            subjects[subject_count++].name = rest;
            continue;
        }
        struct subject *subject = &subjects[subject_count - 1];
        if (subject_count == 0 || subject->count == STEPS) stop("wrong order in", path);
        struct step *step = &subject->steps[subject->count++];
        int count = 0;
        step->words[count++] = kind;
        while (rest && count < WORDS) step->words[count++] = strsep(&rest, "\t");
    }
    fclose(file);
}

static double run(struct step *step, long *peak)
{
    double begin = now();
    pid_t pid = fork();
    if (pid < 0) stop("cannot fork for", step->words[1]);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR), log = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0) _exit(127);
        if (null > 2) close(null);
        if (log > 2) close(log);
        execvp(step->words[1], step->words + 1);
        _exit(127);
    }
    int status;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR) stop("cannot wait for", step->words[1]);
    double end = now();
    if (status != 0) {
        fprintf(stderr, "measure: status %#x of:", status);
        for (char **word = step->words + 1; *word; word++) fprintf(stderr, " %s", *word);
        fprintf(stderr, "\n");
        exit(1);
    }
    if (usage.ru_maxrss > *peak) *peak = usage.ru_maxrss;
    return end - begin;
}

static void wait_for(const char *path)
{
    FILE *file = fopen(path, "r");
    int pid;
    if (!file || fscanf(file, "%d", &pid) != 1) stop("no pid in", path);
    fclose(file);
    struct pollfd end = {.fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (end.fd >= 0) {
        poll(&end, 1, 10000);
        close(end.fd);
    }
    /* We are the subreaper: it is ours once its runtime has left. */
    waitpid(pid, NULL, 0);
}

/* The same orders in every run of this program, so that only the machine differs. */
static void shuffle(int *order)
{
    static unsigned state = 1;
    for (int i = subject_count - 1; i > 0; i--) {
        state = state * 1103515245 + 12345;
        int other = (state >> 16) % (i + 1), swapped = order[i];
        order[i] = order[other];
        order[other] = swapped;
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: measure ROUNDS WARM_UP SETTLE_MILLISECONDS PLAN STDERR_FILE\n");
        return 2;
    }
    int rounds = atoi(argv[1]), warm_up = atoi(argv[2]), settle = atoi(argv[3]);
    errors = argv[5];
    read_plan(argv[4]);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int order[SUBJECTS];
    for (int i = 0; i < subject_count; i++) order[i] = i;
    for (int round = -warm_up; round < rounds; round++) {
        shuffle(order);
        for (int i = 0; i < subject_count; i++) {
            struct subject *subject = &subjects[order[i]];
            /* What the one before has still to do after its end is not the next one's time. */
            usleep(settle * 1000);
            double time = 0;
            long peak = 0;
            for (struct step *step = subject->steps; step < subject->steps + subject->count; step++) {
                if (strcmp(step->words[0], "wait") == 0) {
                    wait_for(step->words[1]);
                } else {
                    long free_peak = 0;
                    int counts = strcmp(step->words[0], "time") == 0;
                    double spent = run(step, counts ? &peak : &free_peak);
                    if (counts) time += spent;
                }
            }
            while (waitpid(-1, NULL, WNOHANG) > 0) continue;
            if (round >= 0) printf("%s %d %.0f %ld\n", subject->name, round, time, peak);
        }
    }
    return 0;
}
