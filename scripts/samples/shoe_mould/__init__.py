"""Sample data: expert questions and answers on mouldy shoes, in Traditional Chinese."""
