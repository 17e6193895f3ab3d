"""The command `kedro new-use-case`: a starting folder for a use case of one's own."""
