/* Preloaded into a job: its wall clock is off by the nanoseconds that the file $MOVED_CLOCK says, as if it had been set.
   As in the kernel, who waits until a time of day waits until the clock that was set gets there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

#define SECOND 1000000000LL
#define SLICE (SECOND / 10)
#define TIME_OF_DAY 1000000000 /* seconds: less are of the monotonic clock */

static int64_t *moved;
static int64_t nothing;

static int64_t by(void)
{
    int64_t *known = __atomic_load_n(&moved, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        int file = open(getenv("MOVED_CLOCK"), O_RDONLY);
        void *page = mmap(NULL, sizeof nothing, PROT_READ, MAP_SHARED, file, 0);
        known = page == MAP_FAILED ? &nothing : page;
        __atomic_store_n(&moved, known, __ATOMIC_RELEASE);
    }
    return __atomic_load_n(known, __ATOMIC_RELAXED);
}

static int64_t as_number(const struct timespec *at) { return at->tv_sec * SECOND + at->tv_nsec; }

static struct timespec as_time(int64_t at) { return (struct timespec){at / SECOND, at % SECOND}; }

static int real(clockid_t which, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    if (next == NULL)
        next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return next(which, now);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int failed = real(which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        *now = as_time(as_number(now) + by());
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec found;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &found);
    *now = (struct timeval){found.tv_sec, found.tv_nsec / 1000};
    return 0;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL)
        *at = now.tv_sec;
    return now.tv_sec;
}

typedef int wait_until(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static wait_until *real_wait(void)
{
    static const char *versions[] = {"GLIBC_2.3.2", "GLIBC_2.17"};
    static wait_until *next;
    for (int at = 0; next == NULL && at < 2; at++)
        next = (wait_until *)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", versions[at]);
    return next;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    if (until->tv_sec < TIME_OF_DAY)
        return real_wait()(condition, mutex, until);
    struct timespec now, deadline;
    real(CLOCK_REALTIME, &now);
    int64_t left = as_number(until) - as_number(&now) - by();
    deadline = as_time(as_number(&now) + (left < SLICE ? left : SLICE));
    int ended = real_wait()(condition, mutex, &deadline);
    if (ended != ETIMEDOUT)
        return ended;
    real(CLOCK_REALTIME, &now);
    return as_number(&now) + by() < as_number(until) ? 0 : ETIMEDOUT;
}

/* What librdkafka calls; in glibc these types are the same. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    int ended = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return ended == 0 ? thrd_success : ended == ETIMEDOUT ? thrd_timedout : thrd_error;
}
