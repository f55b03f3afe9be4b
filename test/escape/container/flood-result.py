# expect: output_limit
import os
while True: os.write(4, b"x" * 65536)
