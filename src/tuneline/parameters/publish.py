"""Where a release goes, and what its card says of it."""

from pydantic import Field, NonNegativeInt

from tuneline.parameters.base import Block


class Publish(Block):
    """Where a release goes, and what no record of the run can know: licenses, languages, limits."""

    repo_id: str | None = Field(
        default=None, description="owner/name on the hub; stated here and nowhere else"
    )
    private: bool = Field(default=True, description="false: everybody sees it once it is whole")
    dry_run: bool = Field(
        default=True, description="true: show what would be uploaded; false on the command line"
    )
    license: str | None = Field(
        default=None, description="of the adapter; the hub's identifier, such as apache-2.0"
    )
    base_license: str | None = Field(default=None, description="of the base model, the same way")
    data_license: str | None = Field(default=None, description="of the training data, in words")
    data: str | None = Field(default=None, description="where the training data come from")
    language: list[str] = Field(
        default=[], description="languages of the answers, ISO 639-1 codes such as cs"
    )
    datasets: list[str] = Field(
        default=[], description="hub ids of the training data, where they are on the hub"
    )
    limits: list[str] = Field(
        default=[], description="what the adapter should not be used for; one sentence each"
    )
    examples: NonNegativeInt = Field(
        default=0, description="held-out rows that the card shows with both models' answers"
    )
