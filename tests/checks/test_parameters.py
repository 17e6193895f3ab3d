import errno
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT, state_evaluation
from tuneline.checks.library_keys import find_problems
from tuneline.checks.merged_settings import find_source
from tuneline.checks.parameters import check_environment, check_parameters
from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation, Hardware, StatedRecipe
from tuneline.parameters.chosen import PLACEHOLDERS
from tuneline.parameters.use_case import LANGUAGES
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS
from tuneline.use_cases import list_use_cases

pytestmark = pytest.mark.slow

ENVIRONMENTS = ["laptop", "colab_free", "colab_paid", "multi_gpu", "spark", "test"]


def load(env: str | None = None, **runtime_params: object) -> CONFIG_LOADER_CLASS:
    return CONFIG_LOADER_CLASS(
        str(PROJECT / "conf"), env=env, runtime_params=runtime_params, **CONFIG_LOADER_ARGS
    )


def refuse(block: dict, use_case: str = "product_descriptions") -> str:
    with pytest.raises(TunelineError) as error:
        check_parameters(load(**{use_case: block}))
    return str(error.value)


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("use_case", list_use_cases())
def test_every_use_case_is_valid_on_every_machine(env: str, use_case: str):
    loader = load(env)
    check_parameters(loader)
    parameters = loader["parameters"]
    stated = StatedRecipe.model_validate(parameters[use_case]["recipe"])
    batch = parameters["hardware"]["per_device_train_batch_size"]
    recipe = stated.settle({**PLACEHOLDERS, "global_batch_size": batch})
    hardware = Hardware.model_validate(parameters["hardware"])
    evaluation = Evaluation.model_validate(parameters[use_case]["evaluation"])
    assert list(find_problems(use_case, recipe, evaluation)) == []
    assert recipe.global_batch_size % hardware.per_device_train_batch_size == 0


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_catalog_of_every_machine_resolves(env: str):
    from kedro.io import DataCatalog

    config = load(env)["catalog"]
    catalog = DataCatalog.from_config(config)
    for name in ("raw", "clean", "test", "plan", "adapter", "answers", "report"):
        assert catalog.get(f"product_descriptions.{name}") is not None


def test_the_published_recipe_is_the_teams():
    asked = {"product_descriptions": {"as_published": True}}
    recipe = load("colab_paid", **asked)["parameters"]["product_descriptions"]["recipe"]
    assert recipe["base_model"] == "microsoft/Phi-3-mini-4k-instruct"
    assert (recipe["lora"]["r"], recipe["lora"]["lora_alpha"]) == (32, 64)
    assert "lora_dropout" not in recipe["lora"]  # theirs was 0, as LoraConfig's
    assert (recipe["num_train_epochs"], recipe["global_batch_size"]) == (1, 2 * 4)
    assert recipe["learning_rate"] == 2e-4
    assert "lr_scheduler_type" not in recipe  # theirs was linear, as SFTConfig's
    assert (recipe["warmup_steps"], recipe["weight_decay"]) == (10, 0.01)
    assert (recipe["optim"], recipe["max_length"], recipe["seed"]) == ("adamw_8bit", 2048, 3407)


@pytest.mark.parametrize("flags", ["fpu avx2", "fpu avx512_bf16 avx2", "amx_bf16"])
def test_a_machine_computes_in_bfloat16_where_its_processor_does(
    flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "cpuinfo").write_text(f"model name\t: mine\nflags\t\t: {flags}\n")
    monkeypatch.setattr("tuneline.parameters.hardware.CPUINFO", tmp_path / "cpuinfo")
    machines = {env: load(env)["parameters"]["hardware"] for env in ENVIRONMENTS}
    dtypes = {env: Hardware.model_validate(one).dtype for env, one in machines.items()}
    assert dtypes == {
        "laptop": "bfloat16" if "bf16" in flags else "float32",
        "colab_free": "float16",
        "colab_paid": "bfloat16",
        "multi_gpu": "bfloat16",
        "spark": "float32",
        "test": "float32",
    }


def test_a_machine_that_changes_one_key_keeps_the_others():
    hardware = load("colab_paid")["parameters"]["hardware"]
    assert hardware["device"] == "cuda"


def test_one_value_changed_on_the_command_line_keeps_its_siblings():
    loader = load(product_descriptions={"recipe": {"learning_rate": 1e-4}})
    recipe = loader["parameters"]["product_descriptions"]["recipe"]
    assert recipe["learning_rate"] == 1e-4
    assert recipe["weight_decay"] == 0.01


def test_a_misspelled_key_names_file_key_and_nearest_name():
    message = refuse({"evaluation": {"resample": 10}})
    assert message.startswith("--params: product_descriptions.evaluation.resample = 10: ")
    assert "did you mean `resamples`" in message


BLOCKS = [
    ("product_descriptions", "synthesize", {"provider": "offline"}),
    ("product_descriptions", "evaluation.rubric", {"criteria": [], "people": True}),
    ("shoe_mould", "data.table", {"key": "a"}),
    ("shoe_mould", "data.documents", {"sections": []}),
]


@pytest.mark.parametrize(("use_case", "block", "values"), BLOCKS)
@pytest.mark.parametrize("machine", ["local", "laptop"])
def test_a_block_that_would_need_another_stage_is_missed_in_the_base(
    project: Path, machine: str, use_case: str, block: str, values: dict
):
    nested = values
    for key in (*reversed(block.split(".")), use_case):
        nested = {key: nested}
    (project / f"conf/{machine}/parameters_mine.yml").write_text(yaml.safe_dump(nested))
    loader = CONFIG_LOADER_CLASS(str(project / "conf"), **CONFIG_LOADER_ARGS)
    with pytest.raises(TunelineError) as error:
        check_parameters(loader)
    base = f"conf/base/{use_case}/parameters.yml"
    assert (
        f"conf/{machine}/parameters_mine.yml: {use_case}.{block}: {base} does not state it; "
    ) in str(error.value)
    assert f"state it in {base}, " in str(error.value)


def test_a_machine_may_state_less_of_a_block_than_the_base(project: Path):
    state_evaluation(project, rubric={"criteria": [CRITERION], "people": True})
    own = project / "conf/local/parameters_mine.yml"
    for rubric in (None, {"people": False, "judge": JUDGE}):
        stated = {"product_descriptions": {"evaluation": {"rubric": rubric}}}
        own.write_text(yaml.safe_dump(stated))
        check_parameters(CONFIG_LOADER_CLASS(str(project / "conf"), **CONFIG_LOADER_ARGS))


def test_a_number_of_folds_is_that_of_the_base_on_every_machine(project: Path):
    own = project / "conf/local/parameters_mine.yml"
    base = "conf/base/product_descriptions/parameters.yml"

    def check(in_base: int | None, stated: dict) -> None:
        state_evaluation(project, cross_fit=in_base)
        own.write_text(yaml.safe_dump({"product_descriptions": {"evaluation": stated}}))
        check_parameters(CONFIG_LOADER_CLASS(str(project / "conf"), **CONFIG_LOADER_ARGS))

    for in_base, stated in ((5, {}), (5, {"cross_fit": 5}), (None, {"cross_fit": None})):
        check(in_base, stated)
    for in_base, there, stated in ((None, "none", 5), (5, "5", 3), (5, "5", None)):
        with pytest.raises(TunelineError, match=f"{base} states {there};"):
            check(in_base, {"cross_fit": stated})


@pytest.mark.parametrize("folds", [1, 0, -3, 101, 2.5, "many", True])
def test_what_is_no_number_of_folds_is_refused(project: Path, folds: object):
    state_evaluation(project, cross_fit=folds)
    with pytest.raises(TunelineError) as error:
        check_parameters(CONFIG_LOADER_CLASS(str(project / "conf"), **CONFIG_LOADER_ARGS))
    (problem,) = error.value.problems
    assert problem.where.endswith("product_descriptions.evaluation.cross_fit")


@pytest.mark.parametrize(
    ("use_case", "data", "words"),
    [
        (
            "product_descriptions",
            {"split": {"test": None, "pinned": {"test": ["1"]}}},
            "next to `data.split.pinned`; every row is held out once",
        ),
        ("essential_oils", {}, "next to `data.table`; the questions of a table share its facts"),
    ],
)
def test_rows_that_cannot_be_held_out_by_folds(use_case: str, data: dict, words: str):
    assert words in refuse({"data": data, "evaluation": {"cross_fit": 5}}, use_case)


def test_a_misspelled_key_in_a_file_names_that_file(tmp_path: Path):
    import shutil

    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    path = tmp_path / "conf/laptop/parameters_hardware.yml"
    path.write_text(path.read_text().replace("memory_gb", "memory_bg"))
    loader = CONFIG_LOADER_CLASS(str(tmp_path / "conf"), **CONFIG_LOADER_ARGS)
    with pytest.raises(TunelineError) as error:
        check_parameters(loader)
    assert str(error.value).startswith("conf/laptop/parameters_hardware.yml: hardware.memory_bg = ")
    assert "did you mean `memory_gb`" in str(error.value)


def test_all_problems_are_named_at_once():
    message = refuse({"recipe": {"learning_rate": -1}, "data": {"split": {"test": 0}}})
    assert "recipe.learning_rate = -1" in message
    assert "data.split.test = 0" in message


def test_a_published_recipe_is_checked_whether_or_not_it_is_asked_for():
    message = refuse({"recipe_as_published": {"learning_rate": -1}})
    assert "`recipe_as_published.learning_rate: -1`: Input should be greater than 0" in message
    message = refuse({"as_published": True, "recipe_as_published": None})
    assert "recipe_as_published" in message


def test_a_misspelled_key_in_a_list_of_criteria_is_told_from_its_neighbors():
    message = refuse(
        {"evaluation": {"rubric": {"people": True, "criteria": [{"nam": "x", "description": "y"}]}}}
    )
    assert "evaluation.rubric.criteria.0.nam = x: there is no such key" in message
    assert "did you mean `name`" in message


CRITERION = {"name": "accuracy", "description": "Are the figures right?"}
JUDGE = {"base_url": "http://localhost:1/v1", "model": "m"}


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        ({"language": "xx"}, "py3langid does not know the language `xx`"),
        ({"language": "pt-BR"}, "py3langid does not know the language `pt-BR`"),
        ({"language": "zh-TW"}, "zh-Hans, zh-Hant"),
        ({"rubric": {"criteria": [CRITERION]}}, "nobody would rate"),
        ({"rubric": {"criteria": [], "people": True}}, "at least 1 item"),
        ({"rubric": {"criteria": [CRITERION] * 2, "people": True}}, "is there twice"),
        (
            {"rubric": {"criteria": [CRITERION], "judge": JUDGE | {"base_url": "localhost"}}},
            "evaluation.rubric.judge.base_url = localhost",
        ),
    ],
)
def test_an_evaluation_that_could_not_be_made_is_refused(evaluation: dict, words: str):
    assert words in refuse({"evaluation": evaluation})


def test_the_languages_are_those_of_the_model_that_tells_them():
    from py3langid import langid

    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    assert set(model.labels) == set(LANGUAGES.split())


@pytest.mark.parametrize("language", ["zh", "zh-Hant", "zh-Hans", "sr-Latn", "nb"])
def test_a_language_may_name_its_script(language: str):
    assert Evaluation(title="Pots", generation={}, language=language).language == language


def test_parameters_are_checked_without_writing_temporary_files(monkeypatch: pytest.MonkeyPatch):
    """A disk may be full when `kedro storage` is typed."""

    def refuse_to_write(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse_to_write)
    assert "py3langid" in refuse({"evaluation": {"language": "xx"}})


def test_a_question_cannot_fill_the_columns_of_a_system_message():
    block = {"prompt": {"system": "You know {title}."}, "evaluation": {"questions": ["Why?"]}}
    assert "could not be asked with the system message of the training" in refuse(block)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"prompt": {"prompt": "Describe {titel}"}}, "placeholder `{titel}`"),
        ({"prompt": {"prompt": "Describe {}"}}, "a placeholder without a name"),
        ({"prompt": {"prompt": "Describe {titel}"}}, "did you mean `title`"),
        ({"data": {"rules": {"unique": "name"}}}, "`name` is none of the columns"),
        ({"data": {"split": {"group": "titel"}}}, "`titel` is none of the columns"),
        ({"data": {"split": {"group": "titel"}}}, "did you mean `title`"),
        ({"data": {"split": {"test": 2.5}}}, "data.split.test = 2.5: a size is a whole number"),
        ({"data": {"split": {"test": 0.6, "validation": 0.4}}}, "add up to 1; no row would"),
        ({"data": {"split": {"test": None}}}, "neither of `test` and `pinned.test` is stated"),
        ({"data": {"split": {"pinned": {"test": [6]}}}}, "both of `test` and `pinned.test`"),
        (
            {
                "data": {
                    "split": {
                        "test": None,
                        "validation": None,
                        "pinned": {"test": [6], "validation": ["6"]},
                    }
                }
            },
            "names the id `6` for test and for validation",
        ),
        ({"data": {"split": {"pinned": {"tset": [6]}}}}, "did you mean `test`"),
        ({"data": {"split": {"pinned": [6, 14]}}}, "data.split.pinned"),
        ({"data": {"category": "reason"}}, "the name `reason` is taken"),
        ({"data": {"columns": ['size 5"', "title"]}}, "holds a quotation mark, a backslash"),
        ({"data": {"leaks": {"policy": "keep"}}}, "data.leaks.policy = keep: "),
        ({"data": {"leaks": {"threshold": 0.5}}}, "data.leaks.threshold = 0.5: "),
        ({"data": {"leaks": {"treshold": 0.9}}}, "did you mean `threshold`"),
        ({"data": {"rules": {"boilerplate": ["(open"]}}}, "`(open` is no regular expression"),
        ({"data": {"columns": ["uid", "title"]}}, "`uid` is both `id` and one of `columns`"),
        ({"data": {"columns": ["line", "title"]}}, "the name `line` is taken"),
        (
            {"recipe": {"quantization": {"load_in_4bit": False}}},
            "true`, or `quantization: null`",
        ),
        ({"recipe": {"learning_rate": "fast"}}, "valid number"),
        ({"recipe": {"learning_rate": float("nan")}}, "learning_rate = nan: input should be a"),
        ({"recipe": {"num_train_epochs": float("inf")}}, "input should be a finite number"),
        ({"recipe": {"max_length": -5}}, "max_length = -5: input should be greater than 0"),
        ({"recipe": {"seed": -1}}, "recipe.seed = -1: input should be greater than or equal to 0"),
        ({"recipe": {"seed": 2**32}}, "seed = 4294967296: input should be less than 4294967296"),
        ({"data": {"split": {"seed": -7}}}, "data.split.seed = -7: input should be greater"),
        ({"evaluation": {"seed": -1}}, "evaluation.seed = -1: input should be greater than"),
    ],
)
def test_an_impossible_value_is_refused_with_its_reason(block: dict, words: str):
    assert words in refuse(block)


def test_an_unknown_top_level_name_is_refused():
    assert "did you mean `product_descriptions`" in refuse({}, use_case="product_description")


def test_float16_on_a_cpu_is_refused():
    with pytest.raises(TunelineError, match="set `dtype: float32`"):
        check_parameters(load(hardware={"dtype": "float16"}))


def test_an_unknown_environment_names_the_nearest():
    with pytest.raises(TunelineError, match="did you mean `colab_free`"):
        check_environment(PROJECT / "conf", "colab_fre")


def test_the_source_of_a_value_is_the_last_file_that_states_it():
    loader = load(product_descriptions={"recipe": {"learning_rate": 1e-4}})
    find = lambda key: find_source(loader, f"product_descriptions.{key}")  # noqa: E731
    assert find("recipe.learning_rate") == "--params"
    assert find("recipe.num_train_epochs") == "conf/laptop/product_descriptions/parameters.yml"
    assert find("recipe.weight_decay") == "conf/base/product_descriptions/parameters.yml"


def test_a_misspelled_key_in_an_optional_block_names_the_nearest_one():
    message = refuse(
        {"synthesize": {"templates": {"quotas": {"disfluency": 0.2}}}},
        use_case="persona_dialogues",
    )
    assert (
        "persona_dialogues.synthesize.templates.quotas.disfluency = 0.2: there is no such key"
        in message
    )
    assert "did you mean `disfluencies`" in message


def test_a_block_that_contradicts_itself_is_refused_in_words():
    message = refuse(
        {
            "synthesize": {
                "templates": {"quotas": {"styles": {"irony": 0.5}}},
                "provider": "server",
                "server": {"sampling": {"max_tokens": None}},
            }
        },
        use_case="persona_dialogues",
    )
    assert "the shares of `styles` add up to 1.3" in message


def test_only_a_use_case_with_the_block_starts_with_synthesis():
    from tuneline.pipeline_registry import register_pipelines

    pipelines = register_pipelines()
    assert "persona_dialogues.raw" in pipelines["persona_dialogues"].all_outputs()
    assert "product_descriptions.raw" in pipelines["product_descriptions"].inputs()
    remote = pipelines["persona_dialogues.finetune_api"]
    assert "persona_dialogues.remote_answers" in remote.all_outputs()
    assert not set(remote.nodes) & set(pipelines["persona_dialogues"].nodes)


def test_the_personas_recipe_is_the_teams():
    asked = {"persona_dialogues": {"as_published": True}}
    block = load("colab_paid", **asked)["parameters"]["persona_dialogues"]
    recipe, made = block["recipe"], block["synthesize"]["templates"]
    assert (recipe["lora"]["r"], recipe["lora"]["lora_alpha"]) == (8, 16)
    assert recipe["lora"]["lora_dropout"] == 0.1
    assert (recipe["num_train_epochs"], recipe["global_batch_size"]) == (3, 2 * 4)
    assert (recipe["learning_rate"], recipe["max_length"]) == (2e-4, 1024)
    assert (made["count"], made["conversations"], made["quotas"]["disfluencies"]) == (
        400,
        1500,
        0.15,
    )
    assert set(made["quotas"]["styles"].values()) == {0.2}


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"publish": {"language": [False]}}, 'publish.language.0 = False: .* such as "no"'),
        ({"publish": {"language": False}}, r"publish.language = False: .* such as \[\"no\"\]"),
        ({"data": {"columns": ["en", False]}}, 'data.columns.1 = False: .* such as "no"'),
        ({"data": {"category": True}}, 'data.category = True: .* such as "yes"'),
        ({"data": {"id": 16}}, 'data.id = 16: .* write it in quotes, such as "16"'),
        ({"prompt": {"prompt": "{0}"}}, r"placeholder `\{0\}`; a number in a template is a place"),
    ],
)
def test_a_text_that_yaml_reads_as_something_else_is_to_be_quoted(block: dict, words: str):
    assert re.search(words, refuse(block))
