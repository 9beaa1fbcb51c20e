"""Every strategy, ``train`` as it is, and other tools, over repeated splits of many sets: docs/results.md."""
