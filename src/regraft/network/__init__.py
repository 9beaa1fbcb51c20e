"""Pre-trained networks: load, cut, graft, run, save."""
