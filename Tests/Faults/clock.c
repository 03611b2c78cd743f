// Preloaded into a daemon: its wall clock runs ahead of the machine's, or behind, by the seconds in the file
// CLOCK_OFFSET, read again each second. (libfaketime moves the environment, and Swift finds its arguments by it.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);

static long offset(time_t now) {
    static _Thread_local time_t read_at;
    static _Thread_local long seconds;
    if (read_at == now) return seconds;
    read_at = now;
    FILE *file = fopen(getenv("CLOCK_OFFSET"), "re");
    if (file == NULL) return seconds;
    long value;
    if (fscanf(file, "%ld", &value) == 1) seconds = value;
    fclose(file);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        time->tv_sec += offset(time->tv_sec);
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}
