"""The metrics that stand for all others where there is room for a few only."""

# By their key in scores.json: label, digits behind the point.
MAIN_METRICS = {
    "loss": ("held-out loss", 3),
    "perplexity": ("perplexity", 1),
    "chrf": ("chrF", 1),
    "rouge_l": ("ROUGE-L", 1),
}
