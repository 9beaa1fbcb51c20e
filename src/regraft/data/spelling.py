"""When two names of classes are one name, or look as if they were meant to be."""

import re
import unicodedata
from decimal import Decimal

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
LONGEST_NUMBER = 40  # letters


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC): é is one letter, however a file system stores it."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def number_of(text: str) -> Decimal | None:
    """The number that a text is, or None."""
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    return Decimal(text)


def alike(name: str) -> str:
    """The same for names that differ in capital letters, spaces, Unicode form, or as 1, 01 and 1.0 do."""
    number = number_of(name.strip())
    if number is not None and "e" not in name.casefold():  # 1e3 is rather a name than 1000
        return str(number.normalize() + 0)
    return composed(" ".join(composed(name).casefold().split()))
