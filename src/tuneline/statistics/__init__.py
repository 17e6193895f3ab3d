"""Base and tuned model compared: by metric, and how sure one can be of a difference."""
