/* Keeps a copy of a directory that holds only what was synced, where many processes share its files: what a server's disk would have after
 * a power cut.
 *
 * Preloaded into each of its processes. SELVAGE_SYNCED_FROM names the directory, SELVAGE_SYNCED_TO the copy. What a process syncs another
 * may have written, so a sync brings all of the file into the copy, where it differs. A disk may have more than was synced, never less.
 * Names are as a journalling file system has them: at once. While the file SELVAGE_SYNCED_LIES is there, a sync of the server's log is told
 * as done and is not: whoever acknowledges after it has acknowledged before the sync. Never used by anything that users run. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536

static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_rmdir)(const char *);

__attribute__((constructor)) static void begin(void) {
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rmdir = dlsym(RTLD_NEXT, "rmdir");
}

/* Where a path is in the copy; 0 where it is nothing of the directory. The server works in its directory, and names files from there. */
static int copied(const char *path, char *copy) {
    const char *from = getenv("SELVAGE_SYNCED_FROM"), *to = getenv("SELVAGE_SYNCED_TO");
    char whole[PATH_MAX];
    if (!from || !to) return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole)) return 0;
        size_t length = strlen(whole);
        if (snprintf(whole + length, sizeof whole - length, "/%s", path) >= (int)(sizeof whole - length)) return 0;
        path = whole;
    }
    size_t length = strlen(from);
    if (strncmp(path, from, length) || path[length] != '/') return 0;
    return snprintf(copy, PATH_MAX, "%s%s", to, path + length) < PATH_MAX;
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return 1;
}

static void make_parents(const char *copy) {
    char path[PATH_MAX];
    strcpy(path, copy);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void bring(const char *path, const char *copy) {
    static __thread char here[BLOCK], there[BLOCK];
    struct stat state;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    /* It has no name any more, or another. */
    if (from < 0) return;
    int to = open(copy, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (to < 0) {
        make_parents(copy);
        to = open(copy, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    }
    /* Nobody puts an older state over a newer one. */
    if (to < 0 || flock(to, LOCK_EX) || fstat(from, &state)) abort();
    for (off_t at = 0; at < state.st_size; at += BLOCK) {
        ssize_t got = pread(from, here, BLOCK, at), had = pread(to, there, BLOCK, at);
        if (got <= 0) break;
        if ((had != got || memcmp(here, there, got)) && pwrite(to, here, got, at) != got) abort();
    }
    if (ftruncate(to, state.st_size)) abort();
    close(to);
    close(from);
}

static int lies(const char *path) {
    const char *flag = getenv("SELVAGE_SYNCED_LIES");
    return flag && strstr(path, "/pg_wal/") && !access(flag, F_OK);
}

static int sync_copy(int fd) {
    char path[PATH_MAX], copy[PATH_MAX];
    struct stat state;
    int kept = errno;
    if (fstat(fd, &state)) return -1;
    if (S_ISREG(state.st_mode) && path_of(fd, path) && copied(path, copy) && !lies(path)) bring(path, copy);
    errno = kept;
    return 0;
}

int fsync(int fd) { return sync_copy(fd); }

int fdatasync(int fd) { return sync_copy(fd); }

int rename(const char *from, const char *to) {
    char copy_from[PATH_MAX], copy_to[PATH_MAX];
    int done = real_rename(from, to), kept = errno;
    if (!done && copied(from, copy_from) && copied(to, copy_to)) real_rename(copy_from, copy_to);
    errno = kept;
    return done;
}

int unlink(const char *path) {
    char copy[PATH_MAX];
    int done = real_unlink(path), kept = errno;
    if (!done && copied(path, copy)) real_unlink(copy);
    errno = kept;
    return done;
}

int rmdir(const char *path) {
    char copy[PATH_MAX];
    int done = real_rmdir(path), kept = errno;
    if (!done && copied(path, copy)) real_rmdir(copy);
    errno = kept;
    return done;
}

int mkdir(const char *path, mode_t mode) {
    char copy[PATH_MAX];
    static int (*real_mkdir)(const char *, mode_t);
    if (!real_mkdir) real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    int done = real_mkdir(path, mode), kept = errno;
    if (!done && copied(path, copy)) real_mkdir(copy, mode);
    errno = kept;
    return done;
}
