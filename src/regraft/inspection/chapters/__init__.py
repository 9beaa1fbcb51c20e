"""The pictures of each method, with captions."""
