/* The child that runs hostile code, and whatever that code started. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "frames.h"

struct pump { int fd; enum frame_type type; };
enum { PUMP_STDOUT, PUMP_STDERR, PUMP_RESULT, PUMPS };

struct child {
  pid_t pid;
  int status;
  /* It has ended; it and all others have. */
  bool ended, all_ended;
  /* Its request, to be written. */
  int request;
  /* What comes out of it, to be read; -1 once that has ended. */
  struct pump pumps[PUMPS];
};
extern struct child child;

/* Starts it; to be called again only once all have ended. Ends the supervisor when it cannot be started. */
void start_child(char **argv);
/* Reaps whatever ended: orphans come to process 1. Once the child has ended, the rest is killed. */
void reap(int signals);
/* Nothing but the supervisor runs then. Ends it when something here will not be stopped. */
void stop_all(void);
void resume_all(void);

void close_fd(int *fd);
void set_nonblocking(int fd);

#endif
