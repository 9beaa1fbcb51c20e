"""Every later use of a run, and networks side by side."""
