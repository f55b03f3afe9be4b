# expect: timed_out
import atexit
def spin():
    while True: pass
atexit.register(spin)
