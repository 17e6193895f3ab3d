"""Ratings by criteria: a judge model, people, and what they come to."""
