"""The hub: token and permissions, its cache, downloads of base models, what may be removed."""
