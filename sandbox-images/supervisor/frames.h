/* The frame format of src/execution/protocol/frame.ts, and the way out to the runner. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER_BYTES = 9, PAYLOAD_BYTES_MAX = 64 * 1024, SOLE_CALL_CHANNEL = 1 };
enum frame_type {
  FRAME_ARTIFACT = 9, FRAME_READY = 10, FRAME_ENDED = 11, FRAME_FILE = 13, FRAME_END = 14,
  FRAME_ARGS = 64, FRAME_STDOUT = 65, FRAME_STDERR = 66, FRAME_RESULT = 67,
  FRAME_ARTIFACT_DATA = 68, FRAME_FILE_DATA = 69,
};
enum { PATH_BYTES_MAX = 1024 };

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

#endif
