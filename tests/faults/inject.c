/* Counts the writes of a process to certain files, and makes one of them fail.

   Preloaded (LD_PRELOAD), it looks at the calls that put data into files or onto the disk. Those on
   the files meant are numbered, over all threads and processes that share a tally:

       FAULT_TALLY   a file of sizeof(struct tally) bytes, which says in the end what happened
       FAULT_FILES   which files: patterns of paths, separated by colons
       FAULT_AT      the number of the call to fail, from 1; 0: just count
       FAULT         "kill" kills the process instead of the call, "ENOSPC" and "EIO" fail the call
       FAULT_LASTS   "1" if all later calls are to fail too
*/

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static struct tally {
    long long calls;
    char failed[PATH_MAX]; /* the path of the first call that failed */
} *tally;
static char patterns[PATH_MAX];
static long long at;
static int lasts, fault;

__attribute__((constructor)) static void prepare(void)
{
    const char *name = getenv("FAULT");
    int fd = open(getenv("FAULT_TALLY"), O_RDWR);

    if (fd < 0) {
        perror("FAULT_TALLY");
        exit(2);
    }
    snprintf(patterns, sizeof patterns, "%s", getenv("FAULT_FILES"));
    at = atoll(getenv("FAULT_AT"));
    lasts = !strcmp(getenv("FAULT_LASTS"), "1");
    fault = !strcmp(name, "ENOSPC") ? ENOSPC : !strcmp(name, "EIO") ? EIO : 0;
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
}

static int is_meant(const char *path)
{
    char rest[PATH_MAX], *next = strcpy(rest, patterns), *pattern;

    while ((pattern = strsep(&next, ":")))
        if (!fnmatch(pattern, path, 0))
            return 1;
    return 0;
}

/* Whether a call on this file is to fail; errno then says why. */
static int fails(int fd)
{
    char link[32], path[PATH_MAX];
    ssize_t length;
    long long call;

    if (!tally)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (!is_meant(path))
        return 0;
    call = __atomic_add_fetch(&tally->calls, 1, __ATOMIC_SEQ_CST);
    if (!at || call < at || (call > at && !lasts))
        return 0;
    if (call == at)
        strcpy(tally->failed, path);
    if (!fault)
        kill(getpid(), SIGKILL);
    errno = fault;
    return 1;
}

#define FAILING(type, name, parameters, arguments)                                                 \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                    \
        return fails(fd) ? -1 : real arguments;                                                    \
    }

FAILING(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
FAILING(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
FAILING(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t offset),
        (fd, data, size, offset))
FAILING(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t offset),
        (fd, data, size, offset))
FAILING(int, fsync, (int fd), (fd))
FAILING(int, fdatasync, (int fd), (fd))
FAILING(int, ftruncate, (int fd, off_t size), (fd, size))
FAILING(int, ftruncate64, (int fd, off64_t size), (fd, size))
