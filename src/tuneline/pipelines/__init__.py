"""The stages. None of them imports another; what they share stands beside this folder."""
