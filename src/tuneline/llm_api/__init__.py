"""OpenAI-compatible servers: requests and their budget, the client, moderation."""
