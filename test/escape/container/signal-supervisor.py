# expect: completed "alive"
# runsc: completed "alive" | crashed
# gVisor lets process 1 be killed: the call ends with it.
import os, signal
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
"alive"
