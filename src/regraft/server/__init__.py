"""Predictions over HTTP, and the page in the browser: the calls that the command line makes. Wants regraft[serve]."""
