# expect: completed true
import threading
wait = threading.Event()
made = 0
try:
    while made < 1000:
        threading.Thread(target=wait.wait, daemon=True).start()
        made += 1
except RuntimeError: pass
made < 64
