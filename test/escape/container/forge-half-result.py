# expect: crashed
import os
os.write(4, b'{"ok":true,"val')
os._exit(0)
