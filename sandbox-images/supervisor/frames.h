/* The frame format of src/execution/protocol/frame.ts, and the way out to the runner. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER_BYTES = 9, PAYLOAD_BYTES_MAX = 64 * 1024, SOLE_CALL_CHANNEL = 1 };
enum frame_type {
  FRAME_ARTIFACT = 9, FRAME_READY = 10, FRAME_ENDED = 11, FRAME_FILE = 13, FRAME_END = 14,
  FRAME_SESSION = 18, FRAME_FILE_PUT = 19, FRAME_FILE_GET = 20, FRAME_FILE_LIST = 21, FRAME_FILE_REMOVE = 22,
  FRAME_FILE_ENTRY = 23, FRAME_FILE_DONE = 24,
  FRAME_ARGS = 64, FRAME_STDOUT = 65, FRAME_STDERR = 66, FRAME_RESULT = 67,
  FRAME_ARTIFACT_DATA = 68, FRAME_FILE_DATA = 69,
};
enum { PATH_BYTES_MAX = 1024, ESCAPED_PATH_BYTES_MAX = 6 * PATH_BYTES_MAX + 1 };

/* Ends the supervisor, and as it is process 1, everything in the container. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The same, with the exit status 3, by which the runner knows that it was lost, should it still look. */
void runner_is_gone(void) __attribute__((noreturn));

/* One bounded buffer of whole frames. Nobody reads from a source unless a full frame has room. */
bool output_has_room(void);
bool output_is_empty(void);
/* Where the next frame's payload is written, given room; output_commit then closes the frame. */
uint8_t *output_payload(void);
void output_commit(enum frame_type type, size_t length);
/* Writes what the runner takes now. */
void output_flush(void);
/* For when nothing else is going on: waits for room, or for an empty buffer. */
void output_wait(bool until_empty);
void output_control(enum frame_type type, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sends what a file holds, but no more than so many bytes; returns how many those were. */
uint64_t output_file(int fd, enum frame_type type, uint64_t bytes_max);
/* A path as the inside of a JSON string. */
void escape_path(const char *path, char into[ESCAPED_PATH_BYTES_MAX]);

#endif
