# expect: out_of_memory | timed_out | completed "survived"
import os
for _ in range(8):
    if os.fork() == 0:
        kept = []
        while True: kept.append(bytearray(b"x") * (1 << 20))
for _ in range(8): os.wait()
"survived"
