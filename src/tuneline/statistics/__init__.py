"""Base and tuned model compared on the same prompts, and how sure one can be of a difference."""
