"""The ask stage: questions + adapter → asked."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.ask.nodes import answer_questions, list_questions


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                list_questions,
                name="list_questions",
                inputs=["params:question", "questions", "test", "params:prompt"],
                outputs="conversations",
            ),
            node(
                answer_questions,
                name="answer_questions",
                inputs=[
                    "conversations",
                    "adapter",
                    "ask_journal",
                    "params:recipe",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs="asked",
            ),
        ]
    )
