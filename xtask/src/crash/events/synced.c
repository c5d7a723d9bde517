/* Keeps a copy of a directory's files that holds only what was synced: what a disk would have after a power cut.
 *
 * Preloaded into a process. SELVAGE_SYNCED_FROM names the directory, SELVAGE_SYNCED_TO the copy. Writes are noted by file; a sync of a
 * file brings what was noted of it into the copy. While the file SELVAGE_SYNCED_FULL is there, writes find no space. With
 * SELVAGE_SYNCED_LATE a sync of a write-ahead log is told as done at once, and done up to so many milliseconds later: whoever
 * acknowledges after it has acknowledged before the sync. Never used by anything that users run. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct range { off_t at, end; };
struct file { char path[PATH_MAX]; struct range *ranges; size_t count, room; int due; struct file *next; };

static struct file *files;
static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static long late;

static void *bring_later(void *unused);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *milliseconds = getenv("SELVAGE_SYNCED_LATE");
    late = milliseconds ? atol(milliseconds) : 0;
    pthread_t thread;
    if (late > 0 && pthread_create(&thread, NULL, bring_later, NULL)) abort();
}

/* Where a path is in the copy; 0 where it is no file of the directory, or the shared memory that no disk keeps. */
static int copied(const char *path, char *copy) {
    const char *from = getenv("SELVAGE_SYNCED_FROM"), *to = getenv("SELVAGE_SYNCED_TO");
    size_t length = from ? strlen(from) : 0, whole = strlen(path);
    if (!from || !to || strncmp(path, from, length) || path[length] != '/') return 0;
    if (whole > 4 && !strcmp(path + whole - 4, "-shm")) return 0;
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

static struct file *file_of(const char *path) {
    for (struct file *file = files; file; file = file->next)
        if (!strcmp(file->path, path)) return file;
    struct file *file = calloc(1, sizeof *file);
    if (!file) abort();
    strcpy(file->path, path);
    file->next = files;
    return files = file;
}

static void note(int fd, off_t at, off_t end) {
    char path[PATH_MAX], copy[PATH_MAX];
    if (at >= end || !path_of(fd, path) || !copied(path, copy)) return;
    pthread_mutex_lock(&alone);
    struct file *file = file_of(path);
    struct range *last = file->count ? &file->ranges[file->count - 1] : NULL;
    if (last && last->end == at) {
        last->end = end;
    } else {
        if (file->count == file->room) {
            file->room = file->room ? 2 * file->room : 64;
            file->ranges = realloc(file->ranges, file->room * sizeof *file->ranges);
            if (!file->ranges) abort();
        }
        file->ranges[file->count++] = (struct range){at, end};
    }
    pthread_mutex_unlock(&alone);
}

static void bring(int fd, const char *path, const char *copy) {
    struct stat state;
    char block[65536];
    int to = open(copy, O_CREAT | O_WRONLY, 0600), from = open(path, O_RDONLY);
    if (to < 0 || from < 0 || fstat(fd, &state)) abort();
    struct file *file = file_of(path);
    for (size_t index = 0; index < file->count; index++) {
        struct range range = file->ranges[index];
        while (range.at < range.end) {
            size_t most = range.end - range.at < (off_t)sizeof block ? (size_t)(range.end - range.at) : sizeof block;
            ssize_t got = pread(from, block, most, range.at);
            if (got <= 0) break;
            if (real_pwrite(to, block, got, range.at) != got) abort();
            range.at += got;
        }
    }
    file->count = 0;
    if (real_ftruncate(to, state.st_size)) abort();
    close(to);
    close(from);
}

static int is_log(const char *path) {
    size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, "-wal");
}

/* What was told as done is done now. The caller is alone. */
static void bring_due(struct file *file) {
    char copy[PATH_MAX];
    if (!file->due) return;
    file->due = 0;
    int fd = open(file->path, O_RDONLY);
    if (fd < 0) return;
    if (copied(file->path, copy)) bring(fd, file->path, copy);
    close(fd);
}

static void *bring_later(void *unused) {
    for (;;) {
        usleep(late * 1000);
        pthread_mutex_lock(&alone);
        for (struct file *file = files; file; file = file->next) bring_due(file);
        pthread_mutex_unlock(&alone);
    }
    return unused;
}

/* No page of a database is there before what its log says of it: that would be another fault. */
static void bring_log_of(const char *path) {
    char log[PATH_MAX];
    if (snprintf(log, sizeof log, "%s-wal", path) < PATH_MAX) bring_due(file_of(log));
}

static int sync_copy(int fd) {
    char path[PATH_MAX], copy[PATH_MAX];
    struct stat state;
    if (!path_of(fd, path) || !copied(path, copy) || fstat(fd, &state) || !S_ISREG(state.st_mode)) return 0;
    pthread_mutex_lock(&alone);
    if (late > 0 && is_log(path)) {
        file_of(path)->due = 1;
    } else {
        if (late > 0) bring_log_of(path);
        bring(fd, path, copy);
    }
    pthread_mutex_unlock(&alone);
    return 0;
}

static int is_full(int fd) {
    char path[PATH_MAX], copy[PATH_MAX];
    const char *full = getenv("SELVAGE_SYNCED_FULL");
    return full && !access(full, F_OK) && path_of(fd, path) && copied(path, copy);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_full(fd)) { errno = ENOSPC; return -1; }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t written = real_write(fd, bytes, count);
    int kept = errno;
    if (at >= 0 && written > 0) note(fd, at, at + written);
    errno = kept;
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    if (is_full(fd)) { errno = ENOSPC; return -1; }
    ssize_t written = real_pwrite(fd, bytes, count, at);
    int kept = errno;
    if (written > 0) note(fd, at, at + written);
    errno = kept;
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

int ftruncate64(int fd, off_t length) {
    struct stat state;
    int known = !fstat(fd, &state), done = real_ftruncate(fd, length);
    /* What was there and comes again is zero until it is written. */
    if (!done && known && length < state.st_size) note(fd, length, state.st_size);
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) { return sync_copy(fd); }

int fdatasync(int fd) { return sync_copy(fd); }

int unlink(const char *path) {
    char copy[PATH_MAX];
    int done = real_unlink(path);
    if (!done && copied(path, copy)) {
        pthread_mutex_lock(&alone);
        file_of(path)->count = 0;
        real_unlink(copy);
        pthread_mutex_unlock(&alone);
    }
    return done;
}
