/* The way out to the runner: frames in one bounded buffer on a stdout that does not block. */
#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_BYTES_MAX = HEADER_BYTES + PAYLOAD_BYTES_MAX, OUTPUT_BYTES_MAX = 4 * FRAME_BYTES_MAX };

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  dprintf(STDERR_FILENO, "supervisor: ");
  vdprintf(STDERR_FILENO, format, arguments);
  dprintf(STDERR_FILENO, "\n");
  va_end(arguments);
  _exit(1);
}

void runner_is_gone(void) { _exit(3); }

static struct {
  uint8_t bytes[OUTPUT_BYTES_MAX];
  size_t start, end;
} output;

bool output_has_room(void) {
  if (output.start == output.end) output.start = output.end = 0;
  if (sizeof output.bytes - output.end < FRAME_BYTES_MAX && output.start > 0) {
    memmove(output.bytes, output.bytes + output.start, output.end - output.start);
    output.end -= output.start;
    output.start = 0;
  }
  return sizeof output.bytes - output.end >= FRAME_BYTES_MAX;
}

bool output_is_empty(void) { return output.start == output.end; }

uint8_t *output_payload(void) { return output.bytes + output.end + HEADER_BYTES; }

void output_commit(enum frame_type type, size_t length) {
  const uint8_t header[HEADER_BYTES] = {
    (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
    (uint8_t)type, 0, 0, 0, SOLE_CALL_CHANNEL,
  };
  memcpy(output.bytes + output.end, header, HEADER_BYTES);
  output.end += HEADER_BYTES + length;
}

void output_flush(void) {
  while (output.start < output.end) {
    ssize_t written = write(STDOUT_FILENO, output.bytes + output.start, output.end - output.start);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) runner_is_gone();
    output.start += (size_t)written;
  }
}

void output_wait(bool until_empty) {
  for (;;) {
    output_flush();
    if (until_empty ? output.start == output.end : output_has_room()) return;
    struct pollfd ends[2] = {{STDOUT_FILENO, POLLOUT, 0}, {STDIN_FILENO, 0, 0}};
    if (poll(ends, 2, -1) < 0 && errno != EINTR) fail("poll: %m");
    if (ends[1].revents) runner_is_gone();
  }
}

void output_control(enum frame_type type, const char *format, ...) {
  output_wait(false);
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf((char *)output_payload(), PAYLOAD_BYTES_MAX, format, arguments);
  va_end(arguments);
  if (length < 0 || length >= PAYLOAD_BYTES_MAX) fail("a control frame is too long");
  output_commit(type, (size_t)length);
}

uint64_t output_file(int fd, enum frame_type type, uint64_t bytes_max) {
  uint64_t sent = 0;
  while (sent < bytes_max) {
    output_wait(false);
    const uint64_t left = bytes_max - sent;
    ssize_t got = read(fd, output_payload(), left < PAYLOAD_BYTES_MAX ? (size_t)left : PAYLOAD_BYTES_MAX);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    output_commit(type, (size_t)got);
    sent += (uint64_t)got;
  }
  return sent;
}

void escape_path(const char *path, char into[ESCAPED_PATH_BYTES_MAX]) {
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
