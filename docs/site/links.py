"""A link that leaves docs/ leads to a file of the repository, which the site does not have: there its text stays."""

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!decisions/|[a-z-]+\.md)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page without such links."""
    return OUTSIDE.sub(r"\1", markdown)
