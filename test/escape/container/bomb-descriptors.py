# expect: completed true
import os
kept = []
try:
    while True: kept.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
for descriptor in kept: os.close(descriptor)
len(kept) <= 1024
