"""Who writes texts: one small interface, and servers that speak OpenAI's protocol behind it."""

from tuneline.providers.client import call, find_key_problem, make_client
from tuneline.providers.interface import Failure, Provider, Reply, Request
from tuneline.providers.server import ServerProvider, find_sampling_problems

__all__ = [
    "Failure",
    "Provider",
    "Reply",
    "Request",
    "ServerProvider",
    "call",
    "find_key_problem",
    "find_sampling_problems",
    "make_client",
]
