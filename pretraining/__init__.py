"""How the embedded network's files are made; not part of the package."""
