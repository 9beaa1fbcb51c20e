"""What the package gives, and what it does not import before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import regraft

HEAVY = {"torch", "numpy", "PIL", "timm", "sklearn", "rich.console"}


def test_public_names() -> None:
    assert regraft.__all__ == [
        "BackboneError",
        "Classifier",
        "DataError",
        "ImageClassifier",
        "ImageSet",
        "LabelledFeatures",
        "Plan",
        "Reading",
        "Recipe",
        "RecipeError",
        "RegraftError",
        "Run",
        "RunError",
        "card",
        "compare",
        "compare_runs",
        "export",
        "features_of",
        "from_arrays",
        "from_dataset",
        "load",
        "look",
        "plan",
        "plots",
        "rank",
        "reference",
        "scan",
        "suggest",
        "train",
        "transferability",
    ]
    for name in regraft.__all__:
        assert getattr(regraft, name).__name__ == name
    assert dir(regraft) == regraft.__all__
    with pytest.raises(AttributeError, match="no attribute 'open_run'"):
        _ = regraft.open_run


def imports_nothing_heavy(script: str) -> subprocess.CompletedProcess[str]:
    check = f"\nimport sys\nheavy = {HEAVY!r} & set(sys.modules)\nsys.exit(f'imported {{heavy}}' if heavy else 0)"
    done = subprocess.run([sys.executable, "-c", script + check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_importing_the_package_imports_no_torch() -> None:
    imports_nothing_heavy(
        "import regraft\nregraft.Recipe(strategy='head')\nassert issubclass(regraft.RunError, Exception)"
    )


def test_help_imports_no_torch() -> None:
    done = imports_nothing_heavy(
        "import sys\nsys.argv = ['regraft', '--help']\nfrom regraft.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
    )
    assert "train" in done.stdout


def test_type_checkers_know_every_public_name() -> None:
    tree = ast.parse(Path(regraft.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == regraft._HOMES
