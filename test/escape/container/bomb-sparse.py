# expect: completed []
# A file whose length alone would be terabytes.

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

def stretch(path):
    with open(path, "wb") as file: file.truncate(1 << 42)
for folder in ("/work", "/tmp", "/work/out"): attempt(folder, lambda: stretch(folder + "/sparse"))
