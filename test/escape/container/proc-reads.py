# expect: completed []
# runsc: completed [] | completed ["/proc/1/environ"]
# gVisor shows the environment of the supervisor, which is the one of the image.

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

def read(path):
    with open(path, "rb") as file:
        if not file.read(64).strip(b"\0"): raise OSError
for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/proc/sched_debug", "/dev/mem", "/dev/kmsg",
    "/sys/firmware/dmi/tables/DMI", "/proc/scsi/scsi", "/etc/shadow", "/proc/1/environ"): attempt(path, lambda: read(path))
