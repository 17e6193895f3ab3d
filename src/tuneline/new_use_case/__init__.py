"""A starting folder for a use case of one's own, made from a CSV file."""
