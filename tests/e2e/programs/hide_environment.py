"""Overwrites its environment in memory, as redis does for its title (Linux), then counts."""

import time

with open("/proc/self/stat") as file:
    fields = file.read().rpartition(")")[2].split()
begin, end = int(fields[47]), int(fields[48])  # env_start and env_end: fields 50 and 51 of proc(5)
with open("/proc/self/mem", "r+b", buffering=0) as memory:
    memory.seek(begin)
    memory.write(b"\0" * (end - begin))
print("environment hidden", flush=True)
number = 0
while True:
    number += 1
    print("out", number, flush=True)
    time.sleep(0.1)
