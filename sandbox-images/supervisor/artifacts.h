/* What the child left to be taken along. */
#ifndef ARTIFACTS_H
#define ARTIFACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct artifacts {
  unsigned files, dropped_files;
  uint64_t bytes, dropped_bytes;
};

/*
 * Sends every regular file under `root` that changed at that time or later, in order of the names, within limits on
 * depth, count and bytes; what they cut off is counted. No link is followed.
 */
struct artifacts send_artifacts(const char *root, const struct timespec *since);

bool is_before(const struct timespec *time, const struct timespec *limit);

#endif
