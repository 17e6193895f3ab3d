"""The stages. None of them imports another; what they share is next to this folder."""
