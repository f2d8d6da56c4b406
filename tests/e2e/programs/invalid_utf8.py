"""Prints bytes that are no UTF-8, an escape, a line of 200,000 bytes and an unfinished one, and stays."""

import os
import time

os.write(1, b"before \xff\xfe after\n")
os.write(1, b"cut \xe2\x82\n")
os.write(1, b"nul \x00 escape \x1b[31m end\n")
for _ in range(4):
    os.write(1, b"x" * 50_000)
os.write(1, b"\nno newline")
while True:
    time.sleep(60)
