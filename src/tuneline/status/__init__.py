"""The command `kedro status`: how far every use case is."""
