# expect: timed_out
# runsc: timed_out | crashed | out_of_memory
import os
while True:
    try: os.fork()
    except OSError: pass
