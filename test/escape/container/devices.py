# expect: completed []
# runsc: completed [] | completed ["mknod disk","mknod memory","fuse"]
# gVisor lets a node be made, and not be opened; its /dev/fuse is of its own kernel.

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

import stat
attempt("mknod disk", lambda: os.mknod("/work/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)))
attempt("mknod memory", lambda: os.mknod("/tmp/memory", 0o600 | stat.S_IFCHR, os.makedev(1, 1)))
for path in ("/work/disk", "/tmp/memory"): attempt("open " + path, lambda: os.close(os.open(path, os.O_RDONLY)))
result += [name for name in os.listdir("/dev") if stat.S_ISBLK(os.lstat("/dev/" + name).st_mode)]
attempt("fuse", lambda: os.close(os.open("/dev/fuse", os.O_RDWR)))
attempt("kvm", lambda: os.close(os.open("/dev/kvm", os.O_RDWR)))
