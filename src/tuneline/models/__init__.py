"""Base models and adapters: loading, templates, generation, memory and fingerprints."""
