# expect: completed []
# ptrace and process_vm_readv against the supervisor; System V memory of a neighbour; processes that are not ours.

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
syscall("ptrace", 101, 16, 1, 0, 0)
syscall("ptrace seize", 101, 0x4206, 1, 0, 0)
syscall("process_vm_readv", 310, 1, page, 1, page, 1, 0)
syscall("pidfd_getfd", 438, 1, 0, 0)
result += open("/proc/sysvipc/shm").read().splitlines()[1:] if os.path.exists("/proc/sysvipc/shm") else []
result += [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in (1, os.getpid())]
