"""How results are shown: pages, plots, the summary after a run, the notebook."""
