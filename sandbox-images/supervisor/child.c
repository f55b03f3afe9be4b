#define _GNU_SOURCE
#include "child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Looks at what was stopped, and the pause between two: together as long as a busy machine may take. */
enum { STOP_LOOKS_MAX = 1000 };
static const struct timespec STOP_PAUSE = {0, 1000 * 1000};

struct child child = {
  .request = -1, .pumps = {{-1, FRAME_STDOUT}, {-1, FRAME_STDERR}, {-1, FRAME_RESULT}},
};

static void make_pipe(int ends[2]) {
  int made[2];
  if (pipe2(made, O_CLOEXEC) < 0) fail("pipe: %m");
  for (int i = 0; i < 2; i++) {
    ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 16); /* clear of the child's 0 to 4 */
    if (ends[i] < 0) fail("fcntl: %m");
    close(made[i]);
  }
}

void set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail("fcntl: %m");
}

void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static __attribute__((noreturn)) void become_child(char **argv, const int ends[5], int failed) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  setpgid(0, 0);
  for (int fd = 0; fd < 5; fd++)
    if (dup2(ends[fd], fd) < 0) goto out;
  /* Only now, with the runner's descriptors gone, may others look at it: else its own files here are closed to it. */
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  /* When memory runs out, the child goes before its supervisor. */
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) (void)!write(score, "1000", 4);
  execv(argv[0], argv);
out:;
  int reason = errno;
  (void)!write(failed, &reason, sizeof reason);
  _exit(127);
}

void start_child(char **argv) {
  int out[2], err[2], request[2], result[2], failed[2];
  make_pipe(out);
  make_pipe(err);
  make_pipe(request);
  make_pipe(result);
  make_pipe(failed);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int nothing = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 16);
  if (nothing < 0) fail("/dev/null: %m");
  child.ended = child.all_ended = false;
  child.pid = fork();
  if (child.pid < 0) fail("fork: %m");
  if (child.pid == 0) become_child(argv, (int[5]){nothing, out[1], err[1], request[0], result[1]}, failed[1]);
  /* Before the child gets anything hostile to run. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail("prctl: %m");
  close(out[1]), close(err[1]), close(request[0]), close(result[1]), close(failed[1]);
  close(null), close(nothing);
  int reason;
  if (read(failed[0], &reason, sizeof reason) > 0) fail("%s: %s", argv[0], strerror(reason));
  close(failed[0]);
  child.pumps[PUMP_STDOUT].fd = out[0];
  child.pumps[PUMP_STDERR].fd = err[0];
  child.pumps[PUMP_RESULT].fd = result[0];
  child.request = request[1];
  for (int i = 0; i < PUMPS; i++) set_nonblocking(child.pumps[i].fd);
  set_nonblocking(child.request);
}

void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) > 0) continue;
  for (;;) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == 0) break;
    if (ended < 0) {
      child.all_ended = errno == ECHILD;
      break;
    }
    if (ended == child.pid) {
      child.ended = true;
      child.status = status;
    }
  }
  if (child.ended && !child.all_ended) kill(-1, SIGKILL);
}

/* Whether a process is stopped or over, by the state in its /proc/…/stat, which follows the name in brackets. */
static bool is_still(const char *name) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t got = read(fd, line, sizeof line - 1);
  close(fd);
  if (got <= 0) return true;
  line[got] = 0;
  const char *bracket = strrchr(line, ')');
  return bracket && bracket[1] == ' ' && strchr("TtZX", bracket[2]) != NULL;
}

static bool all_are_still(void) {
  DIR *listing = opendir("/proc");
  if (!listing) fail("/proc: %m");
  bool still = true;
  for (struct dirent *entry; still && (entry = readdir(listing));) {
    const char *name = entry->d_name;
    if (name[0] < '0' || name[0] > '9' || !strcmp(name, "1")) continue;
    still = is_still(name);
  }
  closedir(listing);
  return still;
}

void stop_all(void) {
  for (int look = 0; look < STOP_LOOKS_MAX; look++) {
    if (kill(-1, SIGSTOP) < 0 && errno == ESRCH) return;
    if (all_are_still()) return;
    nanosleep(&STOP_PAUSE, NULL);
  }
  fail("what the code left running cannot be stopped");
}

void resume_all(void) { kill(-1, SIGCONT); }
