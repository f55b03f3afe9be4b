# expect: completed []

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

import socket, stat
for top, folders, names in os.walk("/"):
    if top in ("/", "/usr"): folders[:] = [name for name in folders if name in ("dev", "etc", "opt", "root", "run", "tmp", "var", "work", "home", "srv", "mnt")]
    for name in names:
        path = os.path.join(top, name)
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode): result.append(path)
        except OSError: pass
def abstract(name):
    with socket.socket(socket.AF_UNIX) as one: one.connect("\0" + name)
for name in ("/containerd-shim/default.sock", "docker", "/run/containerd/containerd.sock"): attempt(name, lambda: abstract(name))
result += [line for line in open("/proc/net/unix").read().splitlines()[1:] if "containerd" in line or "docker" in line]
