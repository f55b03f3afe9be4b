# expect: completed []
# Also with the file descriptors of the newer interface (CVE-2022-0185), and cgroups (CVE-2022-0492).

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

for kind in (b"tmpfs", b"proc", b"cgroup", b"cgroup2", b"overlay", b"sysfs"): syscall(kind.decode(), 165, b"none", b"/tmp", kind, 0, b"memory")
syscall("bind", 165, b"/", b"/tmp", None, 4096, None)
syscall("remount", 165, b"none", b"/", None, 32, None)
syscall("umount", 166, b"/proc/kcore", 2)
syscall("pivot_root", 155, b"/tmp", b"/tmp")
syscall("chroot", 161, b"/tmp")
syscall("fsopen", 430, b"ext4", 0)
syscall("open_tree", 428, -100, b"/", 1)
