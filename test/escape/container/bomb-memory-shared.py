# expect: out_of_memory
import mmap
area = mmap.mmap(-1, 1 << 30)
for at in range(0, 1 << 30, 4096): area[at] = 1
