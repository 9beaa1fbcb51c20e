"""Where regraft keeps what it can make again (features, networks) and source statistics, and how much of it."""

import os
import re
from pathlib import Path

import platformdirs

from regraft.errors import RecipeError

LIMIT = "20GB"  # of all features together, unless REGRAFT_CACHE_LIMIT says otherwise
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def cache_folder() -> Path:
    """REGRAFT_CACHE, or the platform's cache folder; RecipeError where the user has none."""
    try:
        folder = Path(os.environ.get("REGRAFT_CACHE") or platformdirs.user_cache_dir("regraft"))
    except RuntimeError:  # of pathlib, where neither HOME nor the system names a home folder
        folder = Path("~")
    if folder.parts[:1] == ("~",) and not os.environ.get("REGRAFT_CACHE"):
        raise RecipeError("this user has no home folder for the cache; name a folder with REGRAFT_CACHE")
    return folder


def cache_limit() -> int:
    """Bytes that all features together may take: REGRAFT_CACHE_LIMIT, or LIMIT. RecipeError where it is no size."""
    text = os.environ.get("REGRAFT_CACHE_LIMIT") or LIMIT
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B|)", text.strip().upper())
    if size is None:
        raise RecipeError(f"REGRAFT_CACHE_LIMIT is {text!r}, which is no size; give one such as 500MB or {LIMIT}")
    return int(float(size[1]) * UNITS[size[2]])
