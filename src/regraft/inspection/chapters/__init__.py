"""The pictures of each method, with their captions."""
