"""Sample data: what clients asked a software house for, and its offers, in Romanian."""
