# expect: completed []
# runsc: completed [] | completed ["keyctl"]
# gVisor has a key ring of its own kernel.
# The doors of most kernel holes of recent years.

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

page = ctypes.create_string_buffer(4096)
syscall("bpf", 321, 5, page, 120)
syscall("userfaultfd", 323, 1)
syscall("io_uring_setup", 425, 4, page)
syscall("perf_event_open", 298, page, 0, -1, -1, 0)
syscall("keyctl", 250, 0, -3, 1)
syscall("add_key", 248, b"user", b"a", b"b", 1, -3)
syscall("init_module", 175, page, 64, b"")
syscall("kexec_load", 246, 0, 0, None, 0)
syscall("open_by_handle_at", 304, -100, page, 0)
syscall("sethostname", 170, b"x", 1)
syscall("clock_settime", 227, 0, page)
syscall("swapon", 167, b"/work/x", 0)
syscall("acct", 163, b"/work/x")
syscall("iopl", 172, 3)
