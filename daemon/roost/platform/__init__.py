"""The only place that knows the operating system.

Each module is one subject and offers the same functions on Linux, macOS and Windows; one that does nothing
on a system says why.  Nothing here imports anything else of ours.
"""
