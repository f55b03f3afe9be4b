#define _GNU_SOURCE
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"

enum { DIRECTORY_ENTRIES_MAX = 1024 };

static int by_name(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names in a folder, sorted; returns how many. */
static size_t list_names(int folder, char *names[DIRECTORY_ENTRIES_MAX], const struct walker *walker) {
  size_t count = 0;
  int duplicate = fcntl(folder, F_DUPFD_CLOEXEC, 0);
  DIR *listing = duplicate < 0 ? NULL : fdopendir(duplicate);
  if (!listing) fail("a folder cannot be read: %m");
  for (struct dirent *entry; (entry = readdir(listing));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (count == DIRECTORY_ENTRIES_MAX) walker->lose(0);
    else if (!(names[count++] = strdup(entry->d_name))) fail("no memory");
  }
  closedir(listing);
  qsort(names, count, sizeof *names, by_name);
  return count;
}

int open_entry(int folder, const char *name, int flags, struct stat *status) {
  int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  struct stat entry;
  int error = 0;
  if (fstat(fd, status) < 0 || fstatat(folder, name, &entry, AT_SYMLINK_NOFOLLOW) < 0) error = errno;
  else if (entry.st_dev != status->st_dev || entry.st_ino != status->st_ino) error = ELOOP;
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

static void walk(int folder, char path[PATH_BYTES_MAX], size_t length, int depth, const struct walker *walker) {
  char *names[DIRECTORY_ENTRIES_MAX];
  size_t count = list_names(folder, names, walker);
  for (size_t i = 0; i < count; i++) {
    int added = snprintf(path + length, PATH_BYTES_MAX - length, "%s%s", length ? "/" : "", names[i]);
    size_t next_length = length + (size_t)added;
    struct stat status;
    int fd = open_entry(folder, names[i], O_RDONLY | O_NONBLOCK, &status);
    if (fd < 0) {
      /* Links and sockets are no files; a file that cannot be opened is a lost one. */
      if (errno != ELOOP && errno != ENXIO) walker->lose(0);
    } else if (S_ISDIR(status.st_mode) && depth < walker->depth_max && next_length < PATH_BYTES_MAX) {
      walk(fd, path, next_length, depth + 1, walker);
    } else if (S_ISREG(status.st_mode) && next_length < PATH_BYTES_MAX) {
      walker->visit(fd, path, &status);
    } else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
      walker->lose(S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0);
    }
    if (fd >= 0) close(fd);
    free(names[i]);
  }
}

void walk_files(const char *root, const struct walker *walker) {
  char path[PATH_BYTES_MAX] = "";
  struct stat status;
  int folder = open_entry(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, &status);
  if (folder < 0) return;
  walk(folder, path, 0, 0, walker);
  close(folder);
}
