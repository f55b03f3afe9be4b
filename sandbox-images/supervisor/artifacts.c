/* Artifacts: regular files under one folder, which was filled by hostile code. */
#define _GNU_SOURCE
#include "artifacts.h"

#include <string.h>

#include "frames.h"
#include "walk.h"

enum { ARTIFACT_DEPTH_MAX = 8, ARTIFACT_FILES_MAX = 256 };
static const uint64_t ARTIFACT_BYTES_MAX = 256ull * 1024 * 1024;

static struct artifacts artifacts;
static struct timespec changed_since;

static void drop_artifact(uint64_t bytes) {
  artifacts.dropped_files++;
  artifacts.dropped_bytes += bytes;
}

bool is_before(const struct timespec *time, const struct timespec *limit) {
  return time->tv_sec != limit->tv_sec ? time->tv_sec < limit->tv_sec : time->tv_nsec < limit->tv_nsec;
}

static void send_artifact(int fd, const char *path, const struct stat *status) {
  const uint64_t size = (uint64_t)status->st_size;
  /* The time of the last change is the kernel's own: nobody inside can set it back. */
  if (is_before(&status->st_ctim, &changed_since)) return;
  if (artifacts.files == ARTIFACT_FILES_MAX || size > ARTIFACT_BYTES_MAX - artifacts.bytes) {
    drop_artifact(size);
    return;
  }
  artifacts.files++;
  artifacts.bytes += size;
  char name[ESCAPED_PATH_BYTES_MAX];
  escape_path(path, name);
  output_control(FRAME_ARTIFACT, "{\"name\":\"%s\"}", name);
  output_file(fd, FRAME_ARTIFACT_DATA, size);
}

struct artifacts send_artifacts(const char *root, const struct timespec *since) {
  static const struct walker walker = {ARTIFACT_DEPTH_MAX, send_artifact, drop_artifact};
  memset(&artifacts, 0, sizeof artifacts);
  changed_since = *since;
  walk_files(root, &walker);
  return artifacts;
}
