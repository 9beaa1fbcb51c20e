"""The whole job top to bottom; the run folder; its report."""
