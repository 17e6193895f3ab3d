from tuneline.status.command import list_commands

STEPS = [
    {"key": "prompt.prompt", "value": None},
    {"key": "recipe.num_train_epochs", "value": 4},
]


def test_the_main_use_case_leads_to_a_question_and_to_a_file_of_ones_own():
    ask, new = list_commands("product_descriptions", STEPS, "laptop")
    assert ask == 'kedro run --pipeline=ask --params=question="Blue teapot, 1 liter"'
    assert new.startswith("kedro new-use-case ")


def test_a_use_case_of_ones_own_leads_to_the_change_that_is_advised():
    ask, change = list_commands("pots", STEPS, "colab_free")
    assert ask == 'kedro run --pipeline=pots.ask --env=colab_free --params=question="…"'
    assert change == (
        "kedro run --pipeline=pots --env=colab_free --params=pots.recipe.num_train_epochs=4"
    )


def test_a_number_of_folds_is_nothing_to_type():
    steps = [{"key": "evaluation.cross_fit", "value": 5}, STEPS[1]]
    assert list_commands("pots", steps, "laptop")[1].endswith("recipe.num_train_epochs=4")


def test_without_such_a_change_it_leads_to_the_merge():
    assert list_commands("pots", STEPS[:1], "laptop")[1] == "kedro run --pipeline=pots.merge"
