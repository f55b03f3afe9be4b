# expect: completed "full" | out_of_memory
import fcntl, os
kept = []
try:
    while True:
        reading, writing = os.pipe()
        kept += [reading, writing]
        try: fcntl.fcntl(writing, 1031, 1 << 20)
        except OSError: pass
        os.set_blocking(writing, False)
        try:
            while True: os.write(writing, b"x" * 65536)
        except BlockingIOError: pass
except OSError: pass
for descriptor in kept: os.close(descriptor)
"full"
