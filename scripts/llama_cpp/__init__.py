"""llama.cpp for the merge: its converter and its library."""
