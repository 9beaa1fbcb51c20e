"""How far a piece of work is, in a notebook."""

import sys
import types
from collections.abc import Iterator

import pytest
from clocks import Clock

from regraft.progress.notebook import cell, in_notebook
from regraft.progress.shown import shown


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A notebook's outputs, as HTML; what is shown anew replaces what was there."""
    shown_now: list[str] = []

    class Handle:
        def __init__(self, place: int) -> None:
            self.place = place

        def update(self, bundle: dict[str, str], raw: bool) -> None:
            assert raw
            shown_now[self.place] = bundle["text/html"]

    def display(bundle: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown_now.append(bundle["text/html"])
        return Handle(len(shown_now) - 1)

    ipython, parts = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    parts.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    yield shown_now


def test_a_notebook_has_one_output_with_a_bar_and_the_lines(
    outputs: list[str], clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_notebook()
    with shown(True) as shows:
        shows("Reading <b>", 0, 4, "images")
        assert outputs == []  # what ends soon shows nothing
        for done in range(1, 4):
            clock.now += 1
            shows("Reading <b>", done, 4, "images")
        assert len(outputs) == 1
        assert "Reading &lt;b&gt; <progress value='3' max='4'" in outputs[0]
        assert "3/4 images" in outputs[0]
        shows("Reading <b>", 4, 4, "images")
        shows.say("epoch 1 <of> 3")
        assert "<progress" not in outputs[0]
        shows("Asking", 0, 1)
        shows.say("epoch 2")
        assert "<progress style" in outputs[0]  # nothing is counted
    assert outputs == ['<pre style="margin:0;line-height:1.3">epoch 1 &lt;of&gt; 3\nepoch 2</pre>']
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    with cell() as shows:
        shows("Quick", 0, 2, "steps")
        shows("Quick", 2, 2, "steps")
    assert len(outputs) == 1


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = types.SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not in_notebook()
    ipython.get_ipython = lambda: None  # type: ignore[attr-defined]
    assert not in_notebook()
