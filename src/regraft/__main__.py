"""``python -m regraft`` is the command line."""

from regraft.cli.main import main

main()
