# expect: completed true
made = 0
try:
    while made < 100_000:
        open(f"/work/out/{made}", "w").close()
        made += 1
except OSError: pass
made <= 16_384
