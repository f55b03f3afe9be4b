#define _GNU_SOURCE
#include "workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "walk.h"

enum { PATH_DEPTH_MAX = 16, LISTED_FILES_MAX = 2000 };
const char WORK[] = "/work";
/* Where a file is written until it is whole; the supervisor has one at a time. */
static const char UNFINISHED[] = ".sallyport-unfinished";

/*
 * Opens the folder that a path's last name lies in, name by name from /work; no link is followed on the way. Returns -1
 * with errno, EINVAL for a path that is not relative and plain. Cuts the path up.
 */
static int open_folder_of(char path[PATH_BYTES_MAX], bool makes, char **last) {
  int folder = open(WORK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char *name = path;
  struct stat status;
  for (int depth = 0; folder >= 0; depth++) {
    char *slash = strchr(name, '/');
    if (slash) *slash = 0;
    int next = -1;
    if (depth == PATH_DEPTH_MAX || !*name || !strcmp(name, ".") || !strcmp(name, "..")) errno = EINVAL;
    else if (!slash) {
      *last = name;
      return folder;
    } else if (!makes || mkdirat(folder, name, 0755) == 0 || errno == EEXIST)
      next = open_entry(folder, name, O_RDONLY | O_DIRECTORY, &status);
    const int reason = errno;
    close(folder);
    errno = reason;
    folder = next;
    name = slash ? slash + 1 : name;
  }
  return -1;
}

static bool write_all(int fd, const uint8_t *data, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t written = write(fd, data + at, length - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += (size_t)written;
  }
  return true;
}

/* ---- Before a single call. ---- */

static int created = -1;

void close_created_file(void) {
  if (created >= 0) close(created);
  created = -1;
}

void create_file(char path[PATH_BYTES_MAX]) {
  close_created_file();
  char *name;
  int folder = open_folder_of(path, true, &name);
  if (folder < 0) fail("a file's path cannot be made: %m");
  created = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (created < 0) fail("%s: %m", name);
  close(folder);
}

void write_created_file(const uint8_t *data, size_t length) {
  if (created < 0) fail("data of a file that was not opened");
  if (!write_all(created, data, length)) fail("a file does not fit into %s: %m", WORK);
}

/* ---- In a session. ---- */

static void answer(int error) {
  switch (error) {
    case 0: output_control(FRAME_FILE_DONE, "{}"); return;
    case ENOENT: output_control(FRAME_FILE_DONE, "{\"error\":\"not_found\"}"); return;
    case EISDIR: case ENOTDIR: case ELOOP: case ENXIO: case EINVAL: case ENAMETOOLONG: case EPERM:
      output_control(FRAME_FILE_DONE, "{\"error\":\"no_file\"}"); return;
    case ENOSPC: case EDQUOT: case EFBIG: case ENOMEM:
      output_control(FRAME_FILE_DONE, "{\"error\":\"no_room\"}"); return;
    default: output_control(FRAME_FILE_DONE, "{\"error\":\"failed\"}"); return;
  }
}

static struct {
  int folder, fd, error;
  char name[PATH_BYTES_MAX];
} put = {-1, -1, 0, ""};

void put_file(char path[PATH_BYTES_MAX]) {
  char *name = NULL;
  put.error = 0;
  put.fd = -1;
  put.folder = open_folder_of(path, true, &name);
  if (put.folder >= 0) {
    snprintf(put.name, sizeof put.name, "%s", name);
    /* Whatever lies there, a folder excepted, is not ours any more. */
    unlinkat(put.folder, UNFINISHED, 0);
    put.fd = openat(put.folder, UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  }
  if (put.fd < 0) put.error = errno;
}

void put_file_data(const uint8_t *data, size_t length) {
  if (put.error == 0 && !write_all(put.fd, data, length)) put.error = errno;
}

void put_file_end(void) {
  if (put.error == 0 && renameat(put.folder, UNFINISHED, put.folder, put.name) < 0) put.error = errno;
  if (put.error != 0 && put.fd >= 0) unlinkat(put.folder, UNFINISHED, 0);
  if (put.fd >= 0) close(put.fd);
  if (put.folder >= 0) close(put.folder);
  put.fd = put.folder = -1;
  answer(put.error);
}

/* A regular file, opened; -1 with errno. A pipe without a writer does not make it wait. */
static int open_regular(char path[PATH_BYTES_MAX], struct stat *status) {
  char *name;
  int folder = open_folder_of(path, false, &name);
  if (folder < 0) return -1;
  int fd = open_entry(folder, name, O_RDONLY | O_NONBLOCK, status);
  int reason = errno;
  close(folder);
  if (fd >= 0 && !S_ISREG(status->st_mode)) {
    close(fd);
    fd = -1;
    reason = EISDIR;
  }
  errno = reason;
  return fd;
}

void get_file(char path[PATH_BYTES_MAX]) {
  struct stat status;
  int fd = open_regular(path, &status);
  if (fd < 0) {
    answer(errno);
    return;
  }
  output_file(fd, FRAME_FILE_DATA, (uint64_t)status.st_size);
  close(fd);
  answer(0);
}

void remove_file(char path[PATH_BYTES_MAX]) {
  char *name;
  int folder = open_folder_of(path, false, &name);
  int error = folder < 0 || unlinkat(folder, name, 0) < 0 ? errno : 0;
  if (folder >= 0) close(folder);
  answer(error);
}

static struct {
  const char *prefix;
  size_t prefix_length;
  unsigned listed, dropped;
} listing;

static void list_file(int fd, const char *path, const struct stat *status) {
  (void)fd;
  if (strncmp(path, listing.prefix, listing.prefix_length) != 0) return;
  if (listing.listed == LISTED_FILES_MAX) {
    listing.dropped++;
    return;
  }
  listing.listed++;
  char name[ESCAPED_PATH_BYTES_MAX];
  escape_path(path, name);
  output_control(FRAME_FILE_ENTRY, "{\"path\":\"%s\",\"sizeBytes\":%" PRIu64 ",\"modifiedAtMs\":%" PRId64 "}", name,
                 (uint64_t)status->st_size,
                 (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000);
}

static void lose_listed(uint64_t bytes) {
  (void)bytes;
  listing.dropped++;
}

void list_files(const char *prefix) {
  static const struct walker walker = {PATH_DEPTH_MAX - 1, list_file, lose_listed};
  listing.prefix = prefix;
  listing.prefix_length = strlen(prefix);
  listing.listed = listing.dropped = 0;
  walk_files(WORK, &walker);
  output_control(FRAME_FILE_DONE, "{\"dropped\":%u}", listing.dropped);
}
