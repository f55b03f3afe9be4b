# expect: out_of_memory
kept = []
while True: kept.append(bytearray(b"x") * (1 << 20))
