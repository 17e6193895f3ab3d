"""Tuneline: from a domain expert's raw text to an evaluated QLoRA adapter."""

__version__ = "0.1.0"
