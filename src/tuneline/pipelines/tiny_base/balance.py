"""How often each use case's texts are read, so that none drowns in a larger one."""


def balance_texts(texts: dict[str, list[str]], balance: float) -> list[str]:
    """Repeat the texts of the smaller use cases.

    A use case of n characters is read in proportion to n ** balance, as multilingual models weigh
    their languages (BERT's own multilingual model with 0.7): what it lacks to that share beside the
    largest one is made up by whole repetitions.

    Args:
        texts: by use case.
        balance: 1 reads every text once; 0 reads as much of every use case.

    Returns:
        All texts.
    """
    sizes = {use_case: sum(map(len, read)) for use_case, read in texts.items()}
    largest = max(sizes.values())
    return [
        text
        for use_case, read in texts.items()
        for text in read * round((largest / sizes[use_case]) ** (1 - balance))
    ]
