# expect: threw
import os
os.write(4, b'{"ok":true,"value":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
os._exit(0)
