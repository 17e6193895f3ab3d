"""OpenAI-compatible servers: one client, its requests, their budget, and moderation."""
