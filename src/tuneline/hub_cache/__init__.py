"""The hub's cache: where it lies, what it holds, what may go, and downloads that fit."""
