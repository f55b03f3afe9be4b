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
 * As process 1 of its namespace it cannot be signalled from inside; as a process that is not dumpable, neither
 * traced nor looked into through /proc. When the runner goes away, or this process ends, everything here ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "artifacts.h"
#include "frames.h"

enum { PATH_DEPTH_MAX = 16 };
static const char WORK[] = "/work";
static const char OUT[] = "/work/out";

/* ---- The child. ---- */

struct pump { int fd; enum frame_type type; };
enum { PUMP_STDOUT, PUMP_STDERR, PUMP_RESULT, PUMPS };
static struct pump pumps[PUMPS] = {
  {-1, FRAME_STDOUT}, {-1, FRAME_STDERR}, {-1, FRAME_RESULT},
};
static int request_fd = -1;
static pid_t child;
static int child_status;
static bool child_ended, all_ended, is_ready;

static void make_pipe(int ends[2]) {
  int made[2];
  if (pipe2(made, O_CLOEXEC) < 0) fail("pipe: %m");
  for (int i = 0; i < 2; i++) {
    ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 16); /* clear of the child's 0 to 4 */
    if (ends[i] < 0) fail("fcntl: %m");
    close(made[i]);
  }
}

static void set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail("fcntl: %m");
}

static __attribute__((noreturn)) void become_child(char **argv, const int ends[5], int failed) {
  /* When memory runs out, the child goes before its supervisor. */
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) (void)!write(score, "1000", 4);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  for (int fd = 0; fd < 5; fd++)
    if (dup2(ends[fd], fd) < 0) goto out;
  execv(argv[0], argv);
out:;
  int reason = errno;
  (void)!write(failed, &reason, sizeof reason);
  _exit(127);
}

static void start_child(char **argv) {
  int out[2], err[2], request[2], result[2], failed[2];
  make_pipe(out);
  make_pipe(err);
  make_pipe(request);
  make_pipe(result);
  make_pipe(failed);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int nothing = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 16);
  if (nothing < 0) fail("/dev/null: %m");
  child = fork();
  if (child < 0) fail("fork: %m");
  if (child == 0) become_child(argv, (int[5]){nothing, out[1], err[1], request[0], result[1]}, failed[1]);
  /* Before the child gets anything hostile to run. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail("prctl: %m");
  close(out[1]), close(err[1]), close(request[0]), close(result[1]), close(failed[1]);
  close(null), close(nothing);
  int reason;
  if (read(failed[0], &reason, sizeof reason) > 0) fail("%s: %s", argv[0], strerror(reason));
  close(failed[0]);
  pumps[PUMP_STDOUT].fd = out[0];
  pumps[PUMP_STDERR].fd = err[0];
  pumps[PUMP_RESULT].fd = result[0];
  request_fd = request[1];
  for (int i = 0; i < PUMPS; i++) set_nonblocking(pumps[i].fd);
  set_nonblocking(request_fd);
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* The newline that says: loaded. */
static void take_ready(void) {
  char byte;
  ssize_t got = read(pumps[PUMP_RESULT].fd, &byte, 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got != 1 || byte != '\n') fail("the child did not say that it is ready");
  is_ready = true;
}

static void pump_read(struct pump *pump) {
  ssize_t got = read(pump->fd, output_payload(), PAYLOAD_BYTES_MAX);
  if (got > 0) output_commit(pump->type, (size_t)got);
  else if (got == 0 || (errno != EAGAIN && errno != EINTR)) close_fd(&pump->fd);
}

/* Reaps whatever ended: orphans come to process 1. Once the child has ended, the rest is killed. */
static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) > 0) continue;
  for (;;) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == 0) break;
    if (ended < 0) {
      all_ended = errno == ECHILD;
      break;
    }
    if (ended == child) {
      child_ended = true;
      child_status = status;
    }
  }
  if (child_ended && !all_ended) kill(-1, SIGKILL);
}

/* ---- Input: one frame at a time; the next is not read before this one is dealt with. ---- */

static struct {
  uint8_t header[HEADER_BYTES], payload[PAYLOAD_BYTES_MAX];
  size_t header_filled, length, filled;
  size_t request_pending_from; /* args: what of the payload still has to go to the child */
  bool request_pending, args_seen, end_seen;
} input;

static int file_fd = -1;

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

/* Opens a file under /work, name by name from its root; no link is followed on the way. */
static void open_file(void) {
  char path[PATH_BYTES_MAX];
  parse_path(path);
  close_fd(&file_fd);
  int folder = open(WORK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) fail("%s: %m", WORK);
  char *name = path;
  for (int depth = 0;; depth++) {
    char *slash = strchr(name, '/');
    if (slash) *slash = 0;
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) fail("a file's path must be relative and plain");
    if (depth == PATH_DEPTH_MAX) fail("a file's path is too deep");
    if (!slash) break;
    if (mkdirat(folder, name, 0755) < 0 && errno != EEXIST) fail("%s: %m", name);
    int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) fail("%s: %m", name);
    close(folder);
    folder = next;
    name = slash + 1;
  }
  file_fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file_fd < 0) fail("%s: %m", name);
  close(folder);
}

static void write_file(void) {
  if (file_fd < 0) fail("data of a file that was not opened");
  for (size_t at = 0; at < input.length;) {
    ssize_t written = write(file_fd, input.payload + at, input.length - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("a file does not fit into %s: %m", WORK);
    at += (size_t)written;
  }
}

static void send_request(void) {
  while (request_fd >= 0 && input.request_pending_from < input.length) {
    ssize_t written = write(request_fd, input.payload + input.request_pending_from,
                            input.length - input.request_pending_from);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) close_fd(&request_fd); /* the child does not read on: its own affair */
    else input.request_pending_from += (size_t)written;
  }
  input.request_pending = false;
}

static void handle_frame(void) {
  const uint8_t type = input.header[4];
  if (input.end_seen || !is_ready) fail("a frame of type %u out of turn", type);
  switch (type) {
    case FRAME_FILE:
    case FRAME_FILE_DATA:
      if (input.args_seen) fail("a frame of type %u out of turn", type);
      if (type == FRAME_FILE) open_file();
      else write_file();
      break;
    case FRAME_ARGS:
      close_fd(&file_fd);
      input.args_seen = input.request_pending = true;
      input.request_pending_from = 0;
      send_request();
      break;
    case FRAME_END:
      close_fd(&file_fd);
      input.end_seen = true;
      close_fd(&request_fd);
      break;
    default:
      fail("an unknown frame of type %u", type);
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
    if (pumps[i].fd >= 0) return false;
  return all_ended;
}

/* Moves bytes until the child and all of its own have ended and their pipes are empty. */
static void relay(int signals) {
  while (!is_drained()) {
    const bool room = output_has_room();
    struct pollfd polled[4 + PUMPS] = {
      {STDIN_FILENO, input.request_pending ? 0 : POLLIN, 0},
      {STDOUT_FILENO, output_is_empty() ? 0 : POLLOUT, 0},
      {signals, POLLIN, 0},
      {input.request_pending ? request_fd : -1, POLLOUT, 0},
    };
    for (int i = 0; i < PUMPS; i++) polled[4 + i] = (struct pollfd){room ? pumps[i].fd : -1, POLLIN, 0};
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
        if (is_ready) output_control(FRAME_READY, "{\"protocol\":1}");
      } else pump_read(&pumps[i]);
    }
    if (polled[2].revents) reap(signals);
    if (child_ended && !is_ready) fail("the child ended before it was ready");
    output_flush();
  }
}

int main(int argc, char **argv) {
  int at = 1;
  if (at < argc && !strcmp(argv[at], "--ready-at-once")) {
    is_ready = true;
    at++;
  }
  if (at + 1 >= argc || strcmp(argv[at], "--")) fail("usage: supervisor [--ready-at-once] -- CHILD [ARG…]");
  if (getpid() != 1) fail("only to be run as process 1 of a container: it kills whatever else it can reach");
  signal(SIGPIPE, SIG_IGN);
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
  if (is_ready) output_control(FRAME_READY, "{\"protocol\":1}");
  relay(signals);
  const struct artifacts artifacts = send_artifacts(OUT);
  output_control(FRAME_ENDED, "{\"code\":%d,\"signal\":%d,\"droppedFiles\":%u,\"droppedBytes\":%llu}",
                 WIFEXITED(child_status) ? WEXITSTATUS(child_status) : 0,
                 WIFSIGNALED(child_status) ? WTERMSIG(child_status) : 0, artifacts.dropped_files,
                 (unsigned long long)artifacts.dropped_bytes);
  output_wait(true);
  /* The runner reads what this container used before it lets go. */
  struct pollfd runner = {STDIN_FILENO, 0, 0};
  while (poll(&runner, 1, -1) < 0 && errno == EINTR) continue;
  return 0;
}
