# expect: completed "left"
# What leaves its session and its parent is still gone with the container.
import os
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: pass
        os._exit(0)
"left"
