"""Sample data: expert questions and answers on moldy shoes, in Traditional Chinese."""
