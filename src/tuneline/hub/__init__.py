"""What the hub would say: of a token, a repository's name, a release, a base model."""
