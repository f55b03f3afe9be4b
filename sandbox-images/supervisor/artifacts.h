/* What the child left to be taken along. */
#ifndef ARTIFACTS_H
#define ARTIFACTS_H

#include <stdint.h>

struct artifacts {
  unsigned files, dropped_files;
  uint64_t bytes, dropped_bytes;
};

/*
 * Sends every regular file under `root`, in order of the names, within limits on depth, count and bytes; what
 * they cut off is counted. No link is followed. To be called when no other process lives here.
 */
struct artifacts send_artifacts(const char *root);

#endif
