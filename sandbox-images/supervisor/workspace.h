/* Files under /work, on the runner's word. What is there was made by hostile code, which may still be running. */
#ifndef WORKSPACE_H
#define WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

#include "frames.h"

extern const char WORK[];

/* A file for a call that has not begun: there is none of that name yet. Whatever goes wrong ends the container. */
void create_file(char path[PATH_BYTES_MAX]);
void write_created_file(const uint8_t *data, size_t length);
void close_created_file(void);

/*
 * For sessions. Each is answered by one `fileDone`, {} or {"error":"not_found" | "no_file" | "no_room" | "failed"}.
 * No link is followed on the way or at its end, no device or pipe is waited for, nothing but a regular file is read.
 */

/* A new file, or in the place of one: whole or not at all. */
void put_file(char path[PATH_BYTES_MAX]);
void put_file_data(const uint8_t *data, size_t length);
void put_file_end(void);
/* `fileData` frames, then the answer. */
void get_file(char path[PATH_BYTES_MAX]);
/* `fileEntry` {path, sizeBytes, modifiedAtMs} for each file whose path begins with the prefix; the answer says `dropped`. */
void list_files(const char *prefix);
void remove_file(char path[PATH_BYTES_MAX]);

#endif
