# expect: timed_out
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
