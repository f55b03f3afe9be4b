# expect: completed []
# runsc: completed
# gVisor knows no undumpable process: a forged frame is one of the same call, and parsed as hostile either way.
# The real channel is the supervisor's: its descriptors cannot be opened, nor its memory.

import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
result = []
def attempt(name, action):
    try:
        action()
        result.append(name)
    except (OSError, ValueError):
        pass
def syscall(name, number, *given):
    ctypes.set_errno(0)
    if libc.syscall(number, *given) >= 0:
        result.append(name)

for name in ("fd/0", "fd/1", "fd/2", "mem", "environ", "root/etc/passwd", "cwd/x", "clear_refs"):
    attempt(name, lambda: os.close(os.open("/proc/1/" + name, os.O_RDWR)))
    attempt(name, lambda: os.close(os.open("/proc/1/" + name, os.O_RDONLY)))
