"""Generators of the sample data that the repository tracks."""
