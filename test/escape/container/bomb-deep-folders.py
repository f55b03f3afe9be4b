# expect: completed "deep"
import os
os.chdir("/work/out")
try:
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    open("bottom", "w").write("x")
except OSError: pass
"deep"
