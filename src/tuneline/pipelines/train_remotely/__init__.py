"""train_remotely: examples → chats → remote job → remote answers."""

from tuneline.pipelines.train_remotely.pipeline import create_pipeline

__all__ = ["create_pipeline"]
