# expect: completed "own"
# Frames of the protocol, whole, half and oversized, where prints go.
import json, os, struct
for kind in range(32):
    body = json.dumps({"ok": True, "value": "forged", "type": "result", "reason": "completed"}).encode()
    frame = struct.pack(">IBI", len(body), kind, kind) + body
    for descriptor in (1, 2):
        os.write(descriptor, frame)
        os.write(descriptor, frame[:7])
        os.write(descriptor, struct.pack(">IBI", 0xFFFFFFFF, kind, 0xFFFFFFFF))
"own"
