# expect: crashed
import os, signal
try: os.kill(-1, signal.SIGKILL)
except ProcessLookupError: pass
os.killpg(0, signal.SIGKILL)
