import subprocess
import sys

import regraft


def test_public_names() -> None:
    assert regraft.__all__ == [
        "Reading",
        "Recipe",
        "RegraftError",
        "evaluate",
        "find_images",
        "from_arrays",
        "from_dataset",
        "open_run",
        "predict_files",
        "prepare",
        "scan",
        "train",
    ]
    for name in regraft.__all__:
        assert getattr(regraft, name).__name__ == name


def test_help_imports_no_torch() -> None:
    script = (
        "import sys\nsys.argv = ['regraft', '--help']\nfrom regraft.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'PIL', 'timm', 'sklearn', 'rich.console'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
