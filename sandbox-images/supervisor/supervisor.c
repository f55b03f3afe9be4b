/*
 * The first process of every sandbox container: it stands between the runner, which it trusts, and a child that
 * runs hostile code under the same user id.
 *
 *     supervisor [--ready-at-once] -- CHILD [ARG…]
 *
 * stdin: frames from the runner (file, fileData, args, end). stdout: frames to the runner (ready, stdout, stderr,
 * result, artifact, artifactData, ended). The child never holds these two descriptors, so that nothing that it
 * prints can pass for a frame. stderr: one line when the supervisor itself gives up.
 *
 * The child is started before there is a request, so that its interpreter is loaded by then. It gets: 0 /dev/null,
 * 1 and 2 pipes pumped out as they fill, 3 the request to read until its end, 4 the result to write. Without
 * --ready-at-once it says that it is loaded by one newline on 4.
 *
 * One call is all that it serves, unless the first frame is `session`: then one call follows the other. A child that
 * is loaded stays, gets one line on 3 and answers with one line on 4; with --ready-at-once each call has its own.
 * Between calls nothing but the supervisor runs, and it puts, reads, lists and removes files under /work.
 *
 * As process 1 of its namespace it cannot be signalled from inside; as a process that is not dumpable, neither
 * traced nor looked into through /proc. When the runner goes away, or this process ends, everything here ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "artifacts.h"
#include "child.h"
#include "frames.h"
#include "workspace.h"

static const char OUT[] = "/work/out";
/* What the pipes of a child can hold between two calls: no more is read out of them then. */
enum { LEFTOVER_READS_MAX = 64 };

/* It started with --ready-at-once. */
static bool is_script;
static bool is_ready, is_session;
/* In a session: the child's line is complete. */
static bool is_answered;
/* Of a single call: the child has said that nothing of it is left to do. Its exit, which can take longer than the call, is not waited for. */
static bool is_over;
/* No JSON has it. */
static const int OVER = 4;
/* Of a session's call; what was changed earlier is no artifact of it. */
static struct timespec call_began;
/* When the call or file before may last have changed something. */
static struct timespec last_changed;

/* The newline that says: loaded. */
static void take_ready(void) {
  char byte;
  ssize_t got = read(child.pumps[PUMP_RESULT].fd, &byte, 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got != 1 || byte != '\n') fail("the child did not say that it is ready");
  is_ready = true;
}

/* False when there is nothing to read now. */
static bool pump_read(struct pump *pump) {
  uint8_t *payload = output_payload();
  ssize_t got = read(pump->fd, payload, PAYLOAD_BYTES_MAX);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) close_fd(&pump->fd);
  if (got <= 0) return false;
  size_t length = (size_t)got;
  if (pump->type == FRAME_RESULT && is_session && !is_script) {
    const uint8_t *newline = memchr(payload, '\n', length);
    if (newline) length = (size_t)(newline - payload);
    is_answered = newline != NULL;
  } else if (pump->type == FRAME_RESULT && !is_script) {
    const uint8_t *over = memchr(payload, OVER, length);
    if (over) length = (size_t)(over - payload);
    is_over = over != NULL;
  }
  if (length > 0) output_commit(pump->type, length);
  return true;
}

/* ---- Input: one frame at a time; the next is not read before this one is dealt with. ---- */

static struct {
  uint8_t header[HEADER_BYTES], payload[PAYLOAD_BYTES_MAX];
  size_t header_filled, length, filled;
  size_t request_pending_from; /* args: what of the payload still has to go to the child */
  bool request_pending, args_seen, end_seen, is_putting;
} input;

/* The runner's {"path":"…"}, in which only quotes and backslashes can be escaped. */
static void parse_path(char path[PATH_BYTES_MAX]) {
  static const char opening[] = "{\"path\":\"";
  const size_t skip = sizeof opening - 1;
  if (input.length < skip || memcmp(input.payload, opening, skip) != 0) fail("a file frame is not understood");
  size_t at = skip, length = 0;
  for (; at < input.length && input.payload[at] != '"'; at++) {
    uint8_t byte = input.payload[at];
    if (byte == '\\') {
      byte = ++at < input.length ? input.payload[at] : 0;
      if (byte != '"' && byte != '\\') fail("a file's path holds a control character");
    }
    if (byte < 0x20) fail("a file's path holds a control character");
    if (length == PATH_BYTES_MAX - 1) fail("a file's path is too long");
    path[length++] = (char)byte;
  }
  if (at + 2 != input.length || input.payload[at + 1] != '}') fail("a file frame is not understood");
  path[length] = 0;
}

static void send_request(void) {
  while (child.request >= 0 && input.request_pending_from < input.length) {
    ssize_t written = write(child.request, input.payload + input.request_pending_from,
                            input.length - input.request_pending_from);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) close_fd(&child.request); /* the child does not read on: its own affair */
    else input.request_pending_from += (size_t)written;
  }
  input.request_pending = false;
}

/*
 * The kernel stamps files with the coarse clock, which is some milliseconds behind, or, since Linux 6.13, with the fine
 * one: once the coarse one has passed what the fine one was, what comes later has a later stamp on either.
 */
static void begin_stamps(void) {
  const struct timespec pause = {0, 200000};
  for (;;) {
    clock_gettime(CLOCK_REALTIME_COARSE, &call_began);
    if (is_before(&last_changed, &call_began)) return;
    /* A clock that was set back says nothing; then too much is an artifact, not too little. */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (is_before(&now, &last_changed)) return;
    nanosleep(&pause, NULL);
  }
}

static void end_stamps(void) { clock_gettime(CLOCK_REALTIME, &last_changed); }

/* For a call of a single use, and for each of a session. */
static void take_args(void) {
  if (!input.args_seen) {
    close_created_file();
    if (is_session) {
      begin_stamps();
      resume_all();
    }
  }
  input.args_seen = input.request_pending = true;
  input.request_pending_from = 0;
  send_request();
}

static void end_request(void) {
  close_created_file();
  input.end_seen = true;
  if (!is_session || is_script) {
    close_fd(&child.request);
    return;
  }
  input.payload[0] = '\n';
  input.length = 1;
  input.request_pending = true;
  input.request_pending_from = 0;
  send_request();
}

/* Between the calls of a session. */
static void handle_file(uint8_t type) {
  char path[PATH_BYTES_MAX];
  if (type == FRAME_FILE_DATA && input.is_putting) return put_file_data(input.payload, input.length);
  if (type == FRAME_END && input.is_putting) {
    input.is_putting = false;
    put_file_end();
    return end_stamps();
  }
  if (input.is_putting) fail("a frame of type %u out of turn", type);
  parse_path(path);
  switch (type) {
    case FRAME_FILE_PUT:
      input.is_putting = true;
      return put_file(path);
    case FRAME_FILE_GET: return get_file(path);
    case FRAME_FILE_LIST: return list_files(path);
    case FRAME_FILE_REMOVE: return remove_file(path);
    default: fail("a frame of type %u out of turn", type);
  }
}

static void create_next_file(void) {
  char path[PATH_BYTES_MAX];
  parse_path(path);
  create_file(path);
}

static void handle_frame(void) {
  const uint8_t type = input.header[4];
  if (input.end_seen || !is_ready) fail("a frame of type %u out of turn", type);
  if (type == FRAME_ARGS && !input.is_putting) return take_args();
  if (type == FRAME_END && (input.args_seen || !is_session)) return end_request();
  if (input.args_seen) fail("a frame of type %u out of turn", type);
  if (is_session) return handle_file(type);
  switch (type) {
    case FRAME_FILE: return create_next_file();
    case FRAME_FILE_DATA: return write_created_file(input.payload, input.length);
    case FRAME_SESSION:
      is_session = true;
      return stop_all();
    default: fail("an unknown frame of type %u", type);
  }
}

static void read_input(void) {
  const bool in_header = input.header_filled < HEADER_BYTES;
  if (in_header || input.filled < input.length) {
    ssize_t got = in_header
      ? read(STDIN_FILENO, input.header + input.header_filled, HEADER_BYTES - input.header_filled)
      : read(STDIN_FILENO, input.payload + input.filled, input.length - input.filled);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) runner_is_gone();
    if (in_header) input.header_filled += (size_t)got;
    else input.filled += (size_t)got;
  }
  if (in_header) {
    if (input.header_filled < HEADER_BYTES) return;
    const uint8_t *h = input.header;
    input.length = (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
    input.filled = 0;
    if (input.length > PAYLOAD_BYTES_MAX) fail("a frame of %zu bytes", input.length);
  }
  if (input.filled < input.length) return;
  input.header_filled = 0;
  handle_frame();
}

static bool is_drained(void) {
  for (int i = 0; i < PUMPS; i++)
    if (child.pumps[i].fd >= 0) return false;
  return child.all_ended;
}

/* Between two calls of a session nothing is read from the child: it is stopped. */
static bool is_pumping(void) { return !is_session || input.args_seen; }

/* Moves bytes until the call is over: the child and all of its own have ended, it has said so, or it has answered in a session. */
static void relay(int signals) {
  while (!is_drained() && !is_answered && !is_over) {
    const bool room = output_has_room() && is_pumping();
    struct pollfd polled[4 + PUMPS] = {
      {STDIN_FILENO, input.request_pending ? 0 : POLLIN, 0},
      {STDOUT_FILENO, output_is_empty() ? 0 : POLLOUT, 0},
      {signals, POLLIN, 0},
      {input.request_pending ? child.request : -1, POLLOUT, 0},
    };
    for (int i = 0; i < PUMPS; i++)
      polled[4 + i] = (struct pollfd){room ? child.pumps[i].fd : -1, POLLIN, 0};
    if (poll(polled, 4 + PUMPS, -1) < 0) {
      if (errno == EINTR) continue;
      fail("poll: %m");
    }
    if (polled[0].revents & (POLLHUP | POLLERR) || polled[1].revents & POLLERR) runner_is_gone();
    if (polled[3].revents) send_request();
    else if (polled[0].revents & POLLIN) read_input();
    for (int i = 0; i < PUMPS; i++) {
      if (!polled[4 + i].revents || !output_has_room()) continue;
      if (i == PUMP_RESULT && !is_ready) {
        take_ready();
        if (is_ready) output_control(FRAME_READY, "{\"protocol\":2}");
      } else pump_read(&child.pumps[i]);
    }
    if (polled[2].revents) reap(signals);
    if (child.ended && !is_ready) fail("the child ended before it was ready");
    if (child.ended && !is_pumping()) fail("the child ended between two calls");
    output_flush();
  }
}

/* What the code printed before it answered; what it writes behind its answer is nobody's. */
static void take_leftovers(void) {
  for (int i = 0; i < PUMPS; i++) {
    uint8_t nothing[4096];
    for (int reads = 0; reads < LEFTOVER_READS_MAX && child.pumps[i].fd >= 0; reads++) {
      output_wait(false);
      if (i == PUMP_RESULT ? read(child.pumps[i].fd, nothing, sizeof nothing) <= 0 : !pump_read(&child.pumps[i]))
        break;
    }
  }
}

/* Reports the call's end; in a session, makes ready for the next. False: there is none. */
static bool end_call(char **argv) {
  if (is_answered) {
    stop_all();
    take_leftovers();
  }
  if (is_over) {
    if (kill(-1, SIGKILL) < 0 && errno != ESRCH) fail("kill: %m");
    take_leftovers();
  }
  const bool has_ended = !is_answered && !is_over;
  const bool goes_on = is_session && (is_answered || is_script);
  const struct artifacts artifacts = send_artifacts(OUT, &call_began);
  const int code = has_ended && WIFEXITED(child.status) ? WEXITSTATUS(child.status) : 0;
  const int signal = has_ended && WIFSIGNALED(child.status) ? WTERMSIG(child.status) : 0;
  if (goes_on) {
    end_stamps();
    if (is_answered && (!input.end_seen || input.request_pending)) fail("the child answered before it was asked");
    input.args_seen = input.end_seen = input.request_pending = is_answered = false;
    if (is_script) {
      start_child(argv);
      stop_all();
    }
  }
  output_control(FRAME_ENDED,
                 "{\"code\":%d,\"signal\":%d,\"droppedFiles\":%u,\"droppedBytes\":%llu,\"goesOn\":%s}", code, signal,
                 artifacts.dropped_files, (unsigned long long)artifacts.dropped_bytes, goes_on ? "true" : "false");
  return goes_on;
}

int main(int argc, char **argv) {
  int at = 1;
  if (at < argc && !strcmp(argv[at], "--ready-at-once")) {
    is_ready = is_script = true;
    at++;
  }
  if (at + 1 >= argc || strcmp(argv[at], "--")) fail("usage: supervisor [--ready-at-once] -- CHILD [ARG…]");
  if (getpid() != 1) fail("only to be run as process 1 of a container: it kills whatever else it can reach");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigprocmask(SIG_BLOCK, &watched, NULL);
  int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail("signalfd: %m");
  if (chdir(WORK) < 0) fail("%s: %m", WORK);
  if (mkdir(OUT, 0755) < 0 && errno != EEXIST) fail("%s: %m", OUT);
  start_child(argv + at + 1);
  set_nonblocking(STDIN_FILENO);
  set_nonblocking(STDOUT_FILENO);
  if (is_ready) output_control(FRAME_READY, "{\"protocol\":2}");
  do relay(signals);
  while (end_call(argv + at + 1));
  output_wait(true);
  /* The runner reads what this container used before it lets go. */
  struct pollfd runner = {STDIN_FILENO, 0, 0};
  while (poll(&runner, 1, -1) < 0 && errno == EINTR) continue;
  return 0;
}
