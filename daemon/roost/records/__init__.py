"""What lies on the disk, read without any daemon: logs by their index, events, run records.

Only `events.EventLog` writes.  No clock is read here: whoever needs the present hands it in.
"""
