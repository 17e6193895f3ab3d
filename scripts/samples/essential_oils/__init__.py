"""Sample data: a table of essential oils and what they are traditionally used for, in Czech."""
