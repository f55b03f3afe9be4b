# expect: completed []
# Metadata services, the host, its engine, name servers: nothing is reachable, by no protocol.

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
for address in ("169.254.169.254", "172.17.0.1", "10.0.0.1", "192.0.2.1", "100.100.100.200"):
    for port in (80, 2375, 6443): attempt(f"{address}:{port}", lambda: socket.create_connection((address, port), 0.3))
def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question: question.sendto(b"secret", ("192.0.2.53", 53))
attempt("dns", ask)
for port in (22, 80, 2375, 8080, 10250): attempt(f"loopback {port}", lambda: socket.create_connection(("127.0.0.1", port), 0.3))
attempt("resolve", lambda: socket.getaddrinfo("metadata.google.internal", 80))
