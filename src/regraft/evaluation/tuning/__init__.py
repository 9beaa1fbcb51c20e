"""A search over the settings of a run, which begins with what ``train`` tries and can be gone on with."""
