"""What a model expects at each token of the references."""

from typing import Any

from tuneline.examples import Example
from tuneline.rendering import render_example

# References whose logits are kept, and tokens of each; more would tell little and cost memory:
# tokens by vocabulary, 4 bytes each.
REFERENCES, TOKENS = 8, 64


class Asked:
    """The examples that the models are compared on, in tokens.

    Args:
        tokenizer: the adapter's.
        examples: prompts and references.
    """

    def __init__(self, tokenizer: Any, examples: list[Example]) -> None:
        self.rendered = [render_example(tokenizer, example) for example in examples]

    def compute_logits(self, model: Any) -> Any:
        """Compute the logits of the first references' first tokens.

        Args:
            model: in evaluation mode.

        Returns:
            (tokens of all references, vocabulary), float32, on the CPU.
        """
        import torch

        with torch.inference_mode():
            rows = [
                _predict(model, one.ids[: one.prompt_length + TOKENS], one.prompt_length).cpu()
                for one in self.rendered[:REFERENCES]
            ]
        return torch.cat(rows)

    def compute_loss(self, model: Any) -> float:
        """Compute the loss of all references: nats a token, end tokens included.

        Args:
            model: in evaluation mode.
        """
        import torch
        from torch.nn.functional import cross_entropy

        nats, tokens = 0.0, 0
        with torch.inference_mode():
            for one in self.rendered:
                logits = _predict(model, one.ids, one.prompt_length)
                targets = torch.tensor(one.ids[one.prompt_length :], device=logits.device)
                nats += float(cross_entropy(logits, targets, reduction="sum"))
                tokens += len(targets)
        return nats / tokens


def _predict(model: Any, ids: list[int], start: int) -> Any:
    """Compute the logits of the tokens from `start` on."""
    import torch

    logits = model(input_ids=torch.tensor([ids], device=model.device)).logits
    return logits[0, start - 1 : -1].float()
