"""The one pass through the frozen network, its store, and what is told from features alone."""
