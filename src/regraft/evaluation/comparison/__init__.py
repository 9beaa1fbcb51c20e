"""The proof of a plan: strategies, or runs, side by side on the same images."""
