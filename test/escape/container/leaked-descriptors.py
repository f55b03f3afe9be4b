# expect: completed []
# A descriptor of the host that the engine left open is a way out (CVE-2024-21626).

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

for number in range(3, 256):
    try: path = os.readlink(f"/proc/self/fd/{number}")
    except OSError: continue
    if not path.startswith(("pipe:", "/proc/", "socket:", "anon_inode:")) and path != "/dev/null": result.append(path)
    attempt(f"chdir {number}", lambda: os.chdir(f"/proc/self/fd/{number}/../../.."))
