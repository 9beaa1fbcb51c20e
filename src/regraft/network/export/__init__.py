"""A saved graft as files that other programs run: one format a file, and the Python that makes their pixels."""
