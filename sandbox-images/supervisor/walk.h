/* Regular files below a folder that was filled by hostile code. */
#ifndef WALK_H
#define WALK_H

#include <stdint.h>
#include <sys/stat.h>

struct walker {
  int depth_max;
  /* A regular file that was opened for reading, and its path below the root. */
  void (*visit)(int fd, const char *path, const struct stat *status);
  /* What is there and cannot be reached within the limits; bytes as far as they are known. */
  void (*lose)(uint64_t bytes);
};

/* In order of the names. No link is followed, nothing is waited for. Does nothing where there is no such folder. */
void walk_files(const char *root, const struct walker *walker);


/*
 * Opens what lies at that name in that folder, and what it is; -1 with errno, ELOOP for a link. O_NOFOLLOW alone does not
 * hold everywhere: gVisor follows a link that is opened with O_DIRECTORY.
 */
int open_entry(int folder, const char *name, int flags, struct stat *status);

#endif
