"""Strategies carried out: a head on a frozen network, a whole network, several in turn."""
