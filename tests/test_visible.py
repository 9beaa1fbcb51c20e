"""Names are shown and do nothing: no escape sequence, no mark of direction, no second line."""

import time

import pytest

from regraft.visible import ENDED, ISOLATED, isolated, visible

MARKS = [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("two\nlines\tand\r", r"two\nlines\tand\r"),
        ("half \udcff", r"half \udcff"),
        ("\u2028\ufeff\u200b", r"\u2028\ufeff\u200b"),
        ("[bold]x[/] :smile:", "[bold]x[/] :smile:"),
        ("日本\u3000né e\u0301 👨\u200d👩", "日本\u3000né e\u0301 👨\u200d👩"),
    ],
)
def test_what_moves_the_cursor_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_direction_are_written_out(mark: str) -> None:
    assert visible(f"a{mark}b") == f"a\\u{ord(mark):04x}b"
    assert isolated(f"a{mark}b") == f"a\\u{ord(mark):04x}b"


def test_words_from_right_to_left_stay_in_their_place() -> None:
    assert isolated("'שלום 1 עולם' 12 images") == f"'{ISOLATED}שלום 1 עולם{ENDED}' 12 images"
    assert isolated("one\n\u05d0\u05d1") == f"one\n{ISOLATED}\u05d0\u05d1{ENDED}"


def test_hostile_text_takes_no_time() -> None:
    started = time.perf_counter()
    for text in ("א" + "\u05b0" * 100_000 + "a", "אa" * 50_000, ("א" + " " * 50) * 2_000 + " " * 50_000):
        isolated(text)
    assert time.perf_counter() - started < 5
