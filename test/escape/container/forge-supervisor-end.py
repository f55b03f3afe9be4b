# expect: completed "own"
# runsc: crashed | completed "own" | completed "forged"
# A result and the call's end among the supervisor's frames. gVisor lets both in: the code gives its own call's answer,
# as it can on its descriptor 4, and no other's.
import os, struct
def frame(kind, body): return struct.pack(">IBI", len(body), kind, 1) + body
answer = frame(67, b'{"ok":true,"value":"forged"}')
end = frame(11, b'{"code":0,"signal":0,"droppedFiles":0,"droppedBytes":0,"goesOn":true}')
try: os.write(os.open("/proc/1/fd/1", os.O_WRONLY), answer + end)
except OSError: pass
"own"
