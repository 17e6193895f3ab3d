"""The chat page: base and tuned model side by side in the browser, on this machine only."""

from tuneline.chat.serving import open_chat

__all__ = ["open_chat"]
