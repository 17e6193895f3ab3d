import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.llama_cpp.install import PINNED
from tests.conftest import PROJECT
from tests.pipelines.merge.gguf_base import LLAMA_CPP
from tuneline.parameters import Gguf
from tuneline.pipelines.merge.gguf_files import find_llama_cpp


@pytest.mark.skipif(not LLAMA_CPP.is_dir(), reason="llama.cpp is not installed: npm is not there")
def test_what_is_installed_has_converter_and_library():
    found = find_llama_cpp(Gguf(types=["f16"], llama_cpp=str(LLAMA_CPP)))
    assert found.converter == LLAMA_CPP / "convert_hf_to_gguf.py"
    assert found.library.name.startswith("libllama.")
    assert (LLAMA_CPP / "LICENSE").is_file()


def test_without_npm_the_folder_that_was_there_stays(tmp_path: Path):
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "kept").touch()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.llama_cpp.install", "--out", str(folder)],
        cwd=PROJECT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("npm is not there; ")
    assert [path.name for path in folder.iterdir()] == ["kept"]


def test_versions_are_pinned_and_no_registry_is_named():
    lock = json.loads((PINNED / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")
    assert "--hash=sha256:" in (PINNED / "converter.txt").read_text()
