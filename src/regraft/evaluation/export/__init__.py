"""Exports that prove themselves: every file gives what the run gives, or is not written."""
