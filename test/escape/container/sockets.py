# expect: completed []
# AF_PACKET, AF_ALG, AF_VSOCK, AF_NETLINK of the audit, raw ones.

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

import socket
for family, kind, protocol in ((17, 3, 768), (38, 5, 0), (40, 1, 0), (2, 3, 1), (10, 3, 58), (16, 3, 9), (29, 3, 1), (31, 1, 3)):
    attempt(f"{family}/{kind}", lambda: socket.socket(family, kind, protocol))
