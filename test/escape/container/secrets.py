# expect: completed []
# Nothing of the runner or of a neighbour: not in an environment, a command line, a file, a mount's source.

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

import glob
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/work/*") + glob.glob("/tmp/*"):
    try: text = open(path, "rb").read()
    except OSError: continue
    if b"canary-" + b"environment" in text or b"canary-" + b"arguments" in text or b"SALLYPORT" in text: result.append(path)
