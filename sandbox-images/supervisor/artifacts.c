/* Artifacts: regular files under one folder, which was filled by hostile code. */
#define _GNU_SOURCE
#include "artifacts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"

enum { ARTIFACT_DEPTH_MAX = 8, ARTIFACT_FILES_MAX = 256, DIRECTORY_ENTRIES_MAX = 1024 };
static const uint64_t ARTIFACT_BYTES_MAX = 256ull * 1024 * 1024;

static struct artifacts artifacts;

static void drop_artifact(uint64_t bytes) {
  artifacts.dropped_files++;
  artifacts.dropped_bytes += bytes;
}

/* A path as the inside of a JSON string. */
static void escape(const char *path, char *into) {
  for (; *path; path++) {
    const unsigned char byte = (unsigned char)*path;
    if (byte < 0x20) into += sprintf(into, "\\u%04x", byte);
    else {
      if (byte == '"' || byte == '\\') *into++ = '\\';
      *into++ = (char)byte;
    }
  }
  *into = 0;
}

static void send_artifact(int fd, const char *path, uint64_t size) {
  if (artifacts.files == ARTIFACT_FILES_MAX || size > ARTIFACT_BYTES_MAX - artifacts.bytes) {
    drop_artifact(size);
    return;
  }
  artifacts.files++;
  artifacts.bytes += size;
  char name[6 * PATH_BYTES_MAX + 1];
  escape(path, name);
  output_control(FRAME_ARTIFACT, "{\"name\":\"%s\"}", name);
  for (;;) {
    output_wait(false);
    ssize_t got = read(fd, output_payload(), PAYLOAD_BYTES_MAX);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    output_commit(FRAME_ARTIFACT_DATA, (size_t)got);
  }
}

static int by_name(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names in a folder, sorted; returns how many. */
static size_t list_names(int folder, char *names[DIRECTORY_ENTRIES_MAX]) {
  size_t count = 0;
  int duplicate = fcntl(folder, F_DUPFD_CLOEXEC, 0);
  DIR *listing = duplicate < 0 ? NULL : fdopendir(duplicate);
  if (!listing) fail("a folder cannot be read: %m");
  for (struct dirent *entry; (entry = readdir(listing));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (count == DIRECTORY_ENTRIES_MAX) drop_artifact(0);
    else if (!(names[count++] = strdup(entry->d_name))) fail("no memory");
  }
  closedir(listing);
  qsort(names, count, sizeof *names, by_name);
  return count;
}

static void walk(int folder, char path[PATH_BYTES_MAX], size_t length, int depth) {
  char *names[DIRECTORY_ENTRIES_MAX];
  size_t count = list_names(folder, names);
  for (size_t i = 0; i < count; i++) {
    int added = snprintf(path + length, PATH_BYTES_MAX - length, "%s%s", length ? "/" : "", names[i]);
    size_t next_length = length + (size_t)added;
    int fd = openat(folder, names[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
      /* Links and sockets are no artifacts; a file that cannot be opened is a lost one. */
      if (errno != ELOOP && errno != ENXIO) drop_artifact(0);
    } else if (S_ISDIR(status.st_mode) && depth < ARTIFACT_DEPTH_MAX && next_length < PATH_BYTES_MAX) {
      walk(fd, path, next_length, depth + 1);
    } else if (S_ISREG(status.st_mode) && next_length < PATH_BYTES_MAX) {
      send_artifact(fd, path, (uint64_t)status.st_size);
    } else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
      drop_artifact(S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0);
    }
    if (fd >= 0) close(fd);
    free(names[i]);
  }
}

struct artifacts send_artifacts(const char *root) {
  char path[PATH_BYTES_MAX] = "";
  int folder = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder >= 0) {
    walk(folder, path, 0, 0);
    close(folder);
  }
  return artifacts;
}
