"""finetune_api: examples → chats → remote job → remote answers."""

from tuneline.pipelines.finetune_api.pipeline import create_pipeline

__all__ = ["create_pipeline"]
