/* Faults below everything else: loaded with LD_PRELOAD, it sees each call by which a process
 * changes files under one folder, counts it, and at a chosen one kills the process, does half of a
 * write, refuses it, or records it so that a power failure can be played back.
 *
 * Nothing happens until fault_arm() is called, which a child does after fork().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, HALF, FAIL_ONCE, FAIL_ALWAYS, RECORD };

static char prefix[4096];
static size_t prefix_length;
static int mode = OFF;
static long kill_at, seen;
static int refusal;
static int log_handle = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name, type, ...)                                                                      \
    static type (*real_##name)(__VA_ARGS__);                                                       \
    if (!real_##name) real_##name = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

void fault_arm(const char *folder, int wanted, long at, int error, const char *log) {
    snprintf(prefix, sizeof prefix, "%s", folder);
    prefix_length = strlen(prefix);
    kill_at = at;
    refusal = error;
    seen = 0;
    log_handle = log && *log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    mode = wanted;
}

long fault_seen(void) { return seen; }

static int watched(const char *path) {
    return mode != OFF && path && strncmp(path, prefix, prefix_length) == 0 &&
           (path[prefix_length] == '/' || path[prefix_length] == 0);
}

/* The name of an open file, if it is one of those that are watched. */
static int name_of(int handle, char *path, size_t size) {
    char link[64];
    if (mode == OFF) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return watched(path);
}

/* A name that is told from an open folder, as a whole path. */
static const char *whole(int folder, const char *path, char *room, size_t size) {
    char link[64], name[4096];
    if (mode == OFF || !path || *path == '/' || folder == AT_FDCWD) return path;
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return path;
    name[length] = 0;
    return snprintf(room, size, "%s/%s", name, path) < (int)size ? room : path;
}

/* Count one call; at the chosen one, die or say that it shall be refused. */
static int meet(int is_write) {
    seen++;
    if (mode == KILL && seen == kill_at) kill(getpid(), SIGKILL);
    if (mode == HALF && seen == kill_at) {
        if (!is_write) kill(getpid(), SIGKILL);
        return 2;
    }
    if ((mode == FAIL_ONCE && seen == kill_at) || (mode == FAIL_ALWAYS && seen >= kill_at)) {
        errno = refusal;
        return 1;
    }
    return 0;
}

static void put(const void *data, size_t length) {
    REAL(write, ssize_t, int, const void *, size_t);
    while (length > 0) {
        ssize_t written = real_write(log_handle, data, length);
        if (written <= 0) _exit(99);
        data = (const char *)data + written;
        length -= (size_t)written;
    }
}

static void record(char kind, const char *path, const char *other, int64_t offset, const void *data,
                   size_t length) {
    if (mode != RECORD || log_handle < 0) return;
    size_t end = strlen(path);
    if (end > 4 && strcmp(path + end - 4, "-shm") == 0) return;
    struct __attribute__((packed)) {
        char kind;
        uint32_t path, other;
        int64_t offset;
        uint64_t length;
    } head = {kind, (uint32_t)end, (uint32_t)strlen(other), offset, length};
    put(&head, sizeof head);
    put(path, head.path);
    put(other, head.other);
    put(data, length);
}

static ssize_t do_write(int handle, const void *data, size_t length, int64_t offset, int at) {
    REAL(write, ssize_t, int, const void *, size_t);
    REAL(pwrite64, ssize_t, int, const void *, size_t, off64_t);
    char path[4096];
    if (!name_of(handle, path, sizeof path))
        return at ? real_pwrite64(handle, data, length, offset) : real_write(handle, data, length);
    pthread_mutex_lock(&lock);
    int fate = meet(1);
    ssize_t done = -1;
    if (!at) {
        struct stat64 status;
        int append = (fcntl(handle, F_GETFL) & O_APPEND) && fstat64(handle, &status) == 0;
        offset = append ? status.st_size : lseek64(handle, 0, SEEK_CUR);
    }
    if (fate != 1) {
        size_t part = fate == 2 ? length / 2 : length;
        done = at ? real_pwrite64(handle, data, part, offset) : real_write(handle, data, part);
        if (fate == 2) kill(getpid(), SIGKILL);
        if (done > 0) record('W', path, "", offset, data, (size_t)done);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int handle, const void *data, size_t length) {
    return do_write(handle, data, length, 0, 0);
}
ssize_t pwrite(int handle, const void *data, size_t length, off_t offset) {
    return do_write(handle, data, length, offset, 1);
}
ssize_t pwrite64(int handle, const void *data, size_t length, off64_t offset) {
    return do_write(handle, data, length, offset, 1);
}

#define ON_HANDLE(call, kind, offset, ...)                                                         \
    char path[4096];                                                                               \
    if (!name_of(handle, path, sizeof path)) return call;                                          \
    pthread_mutex_lock(&lock);                                                                     \
    int done = meet(0) ? -1 : call;                                                                \
    if (done == 0) record(kind, path, "", offset, "", 0);                                          \
    pthread_mutex_unlock(&lock);                                                                   \
    return done

int fsync(int handle) {
    REAL(fsync, int, int);
    ON_HANDLE(real_fsync(handle), 'S', 0);
}
int fdatasync(int handle) {
    REAL(fdatasync, int, int);
    ON_HANDLE(real_fdatasync(handle), 'S', 0);
}
int ftruncate(int handle, off_t length) {
    REAL(ftruncate, int, int, off_t);
    ON_HANDLE(real_ftruncate(handle, length), 'T', length);
}
int ftruncate64(int handle, off64_t length) {
    REAL(ftruncate64, int, int, off64_t);
    ON_HANDLE(real_ftruncate64(handle, length), 'T', length);
}

#define ON_NAMES(call, kind, first, second)                                                        \
    if (!watched(first) && !watched(second)) return call;                                          \
    pthread_mutex_lock(&lock);                                                                     \
    int done = meet(0) ? -1 : call;                                                                \
    if (done == 0) record(kind, first, second, 0, "", 0);                                          \
    pthread_mutex_unlock(&lock);                                                                   \
    return done

int unlink(const char *path) {
    REAL(unlink, int, const char *);
    ON_NAMES(real_unlink(path), 'U', path, "");
}
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat, int, int, const char *, int);
    char room[8192];
    const char *name = whole(folder, path, room, sizeof room);
    ON_NAMES(real_unlinkat(folder, path, flags), flags & AT_REMOVEDIR ? 'D' : 'U', name, "");
}
int mkdir(const char *path, mode_t rights) {
    REAL(mkdir, int, const char *, mode_t);
    ON_NAMES(real_mkdir(path, rights), 'M', path, "");
}
int rmdir(const char *path) {
    REAL(rmdir, int, const char *);
    ON_NAMES(real_rmdir(path), 'D', path, "");
}
int rename(const char *old, const char *new) {
    REAL(rename, int, const char *, const char *);
    ON_NAMES(real_rename(old, new), 'R', old, new);
}
int renameat(int from, const char *old, int to, const char *new) {
    REAL(renameat, int, int, const char *, int, const char *);
    char room[8192], other_room[8192];
    const char *name = whole(from, old, room, sizeof room);
    const char *other = whole(to, new, other_room, sizeof other_room);
    ON_NAMES(real_renameat(from, old, to, new), 'R', name, other);
}
int link(const char *old, const char *new) {
    REAL(link, int, const char *, const char *);
    ON_NAMES(real_link(old, new), 'L', old, new);
}
int linkat(int from, const char *old, int to, const char *new, int flags) {
    REAL(linkat, int, int, const char *, int, const char *, int);
    char room[8192], other_room[8192];
    const char *name = whole(from, old, room, sizeof room);
    const char *other = whole(to, new, other_room, sizeof other_room);
    ON_NAMES(real_linkat(from, old, to, new, flags), 'L', name, other);
}
