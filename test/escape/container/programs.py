# expect: completed []
# No file that it wrote can be run, in no folder, and no file of memory either.

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

import shutil, subprocess
for folder in ("/work", "/tmp", "/dev/shm", "/work/out"):
    shutil.copy("/usr/bin/true", folder + "/true")
    os.chmod(folder + "/true", 0o755)
    attempt(folder, lambda: subprocess.run([folder + "/true"], check=True))
    os.remove(folder + "/true")
