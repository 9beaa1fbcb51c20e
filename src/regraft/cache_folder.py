"""Where regraft keeps what it can make again: features, source statistics."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """REGRAFT_CACHE, or the platform's cache folder."""
    return Path(os.environ.get("REGRAFT_CACHE") or platformdirs.user_cache_dir("regraft"))
