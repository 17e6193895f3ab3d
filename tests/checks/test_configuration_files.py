"""Files of `conf/` that cannot be read, and references that lead nowhere."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tuneline.checks.configuration_files import check_configuration
from tuneline.checks.configuration_reading import SoftConfigLoader
from tuneline.errors import TunelineError
from tuneline.settings import CONFIG_LOADER_ARGS

pytestmark = pytest.mark.slow

FILE = "test/shoe_mould/parameters.yml"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return shutil.copytree(PROJECT / "conf", tmp_path / "conf")


def refuse(conf: Path, params: dict[str, Any] | None = None) -> str:
    with pytest.raises(TunelineError) as error:
        check_configuration(conf, "test", params or {})
    return str(error.value)


@pytest.mark.parametrize("env", ["laptop", "colab_free", "colab_paid", "multi_gpu", "spark"])
def test_the_files_that_ship_are_whole(env: str):
    check_configuration(PROJECT / "conf", env, {"question": r"What is \${x}?"})


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("# čaj\na: Odpovídáš.\n".encode("cp1250"), 1, "the file is not UTF-8"),
        ("a: 1\nb: 2\nc: 鞋子上的黴菌只是灰塵\n".encode("big5"), 3, "the file is not UTF-8"),
        ("a: b\n".encode("utf-16"), 1, "the file is not UTF-8 but probably utf-16"),
        (b"a: {b: 1\n", 2, "it cannot be read as YAML"),
        (b"a:\n\tb: 1\n", 2, "cannot start any token"),
        (b"a:\n  b: 1\n  c: 2\n  b: 3\n", 4, "the key `b` is stated twice"),
        (b"a: 1\n---\nb: 2\n", 2, "it cannot be read as YAML"),
        (b"a: x\nb: \x00\n", 2, "control characters"),
        (b"a: !!python/object:os.system x\n", 1, "it cannot be read as YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    conf: Path, content: bytes, line: int, words: str
):
    (conf / FILE).write_bytes(content)
    message = refuse(conf)
    assert message.startswith(f"conf/{FILE}, line {line}: ")
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- a\n- b\n", "it holds a list, not keys"),
        ("just words\n", "it holds a single value"),
        ("null: 1\n", "it holds a key without a name"),
    ],
)
def test_a_file_without_keys_is_named(conf: Path, content: str, words: str):
    (conf / FILE).write_text(content)
    assert refuse(conf).startswith(f"conf/{FILE}: {words}")


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("parameters_more.yml", "hardware:\n  device: cpu\n", "hardware.device"),
        ("shoe_mould/catalog_more.yml", "shoe_mould.raw:\n  type: x\n", "shoe_mould.raw"),
    ],
)
def test_a_key_that_two_files_of_an_environment_state_is_named(
    conf: Path, name: str, content: str, key: str
):
    (conf / "base" / name).write_text(content)
    message = refuse(conf)
    assert f": {key}: conf/base/" in message
    assert f"conf/base/{name}" in message
    assert "states it, too" in message


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xef\xbb\xbfshoe_mould: {}\n"])
def test_an_empty_file_and_one_with_a_mark_of_its_encoding_are_read(conf: Path, content: bytes):
    (conf / FILE).write_bytes(content)
    check_configuration(conf, "test", {})
    SoftConfigLoader(str(conf), env="test", **CONFIG_LOADER_ARGS)["parameters"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("You know ${HOME}.", "`${HOME}` is read as a reference to a key, and there is none"),
        ("${shoe_mould.recipe.rank}", "is read as a reference to a key"),
        ("${globals:dat}", "is read as a reference to a key"),
        ("${.nothing}", "is read as a reference to a key"),
        ("You know ${HOME", "begins a reference to another key, and this is none"),
        ("${{title}}", "begins a reference to another key, and this is none"),
        ("${oc.env:HOME}", "asks for `oc.env`, which parameters do not know"),
        (r"C:\\${HOME}", "is read as a reference"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named_with_file_and_key(
    conf: Path, text: str, words: str
):
    (conf / FILE).write_text(f"shoe_mould:\n  evaluation:\n    questions: [x, '{text}']\n")
    message = refuse(conf)
    assert message.startswith(f"conf/{FILE}: shoe_mould.evaluation.questions.1 = {text}: ")
    assert words in message
    assert r"write `\${…}`" in message
    typed = refuse(PROJECT / "conf", {"shoe_mould": {"prompt": {"system": text}}})
    assert typed.startswith(f"--params: shoe_mould.prompt.system = {text}: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'\${HOME}'", "${HOME}"),
        (r'"\\${HOME}"', "${HOME}"),
        (r"\${{HOME}}", "${{HOME}}"),
        ("$HOME", "$HOME"),
        ("${shoe_mould.recipe.max_length}", 256),
        ("${globals:data}", "data/test"),
        ("${globals:nothing,7}", 7),
        ("${..recipe.seed}", 3),
    ],
)
def test_what_the_remedy_says_is_what_the_value_becomes(conf: Path, text: str, value: object):
    (conf / FILE).write_text(
        f"shoe_mould:\n  recipe: {{max_length: 256, seed: 3}}\n  prompt:\n    system: {text}\n"
    )
    check_configuration(conf, "test", {})
    loader = SoftConfigLoader(str(conf), env="test", **CONFIG_LOADER_ARGS)
    assert loader["parameters"]["shoe_mould"]["prompt"]["system"] == value


def test_all_files_are_named_at_once(conf: Path):
    (conf / FILE).write_bytes(b"a: \xed\n")
    (conf / "base/shoe_mould/catalog.yml").write_text("shoe_mould.raw: {filepath: '${nowhere}'}\n")
    (conf / "test/globals.yml").write_text("[")
    message = refuse(conf)
    assert [line.split(":")[0].split(",")[0] for line in message.splitlines()] == [
        "conf/base/shoe_mould/catalog.yml",
        "conf/test/globals.yml",
        f"conf/{FILE}",
    ]
