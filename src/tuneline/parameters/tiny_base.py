"""The tiny base model of laptops and tests."""

from pydantic import Field

from tuneline.parameters.block import Block, Seed


class TinyBase(Block):
    """The tiny base model that laptops and tests train on; LlamaConfig's key names."""

    vocab_size: int = Field(gt=300, description="tokens")
    hidden_size: int = Field(gt=0, description="width")
    intermediate_size: int = Field(gt=0, description="inner width of the feed-forward network")
    num_hidden_layers: int = Field(gt=0, description="layers")
    num_attention_heads: int = Field(gt=0, description="query heads")
    num_key_value_heads: int = Field(gt=0, description="key and value heads")
    max_position_embeddings: int = Field(gt=0, description="longest text, in tokens")
    balance: float = Field(
        ge=0,
        le=1,
        description="1: every text is read once; 0: every use case as much as the largest",
    )
    steps: int = Field(gt=0, description="training steps")
    batch_size: int = Field(gt=0, description="sequences per step")
    sequence_length: int = Field(gt=0, description="tokens per sequence")
    learning_rate: float = Field(gt=0, description="of the training")
    seed: Seed = Field(default=3407, description="of weights and order")
