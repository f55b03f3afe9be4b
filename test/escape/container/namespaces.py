# expect: completed []
# runsc: completed
# gVisor has namespaces of its own kernel, and mounts file systems of its own in them: the host sees neither.

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

for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
    syscall(hex(flag), 272, flag)
syscall("clone", 56, 0x10000011, 0, 0, 0, 0)
for name in os.listdir("/proc/1/ns") if os.access("/proc/1/ns", os.R_OK) else []:
    attempt(name, lambda: os.open("/proc/1/ns/" + name, os.O_RDONLY))
