# expect: completed "own"
# runsc: crashed
# A result frame among the supervisor's own. gVisor lets it in: the answer is then two, which is none.
import os, struct
body = b'{"ok":true,"value":"forged"}'
for number in range(32):
    try: os.write(os.open(f"/proc/1/fd/{number}", os.O_WRONLY), struct.pack(">IBI", len(body), 67, 1) + body)
    except OSError: pass
"own"
