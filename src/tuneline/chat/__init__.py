"""The command `kedro chat`: base and tuned model next to each other, on a page for this machine."""
