"""Install llama.cpp into the folder llama.cpp: what makes GGUF files, and what answers with them.

    python -m scripts.llama_cpp.install

The converter comes out of the source package of llama-cpp-python, which is not built; the library
is the prebuilt one for Node, which Tuneline loads without Node. Versions and hashes are in
`converter.txt` and `package-lock.json`.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PINNED = Path(__file__).parent
# Of llama.cpp's source: the converter, what it imports, and under which terms.
NEEDED = ("convert_hf_to_gguf.py", "conversion", "gguf-py/gguf", "LICENSE")
TOOLS = {
    "pip": [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"),
        *("--no-binary", "llama-cpp-python", "--requirement", str(PINNED / "converter.txt")),
    ],
    "npm": ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
}


def install(folder: Path) -> None:
    """Make the folder anew; until all of it is there, the one before stays.

    Args:
        folder: where to.

    Raises:
        SystemExit: with one sentence, if pip or npm is not there or cannot fetch its part.
    """
    if shutil.which("npm") is None:
        sys.exit("npm is not there; llama.cpp's library comes with it; install Node.js and npm")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        made = Path(work) / folder.name
        made.mkdir()
        _run("pip", Path(work))
        (package,) = Path(work).glob("*.tar.gz")
        with tarfile.open(package) as archive:
            archive.extractall(made, list(_pick(archive)), filter="data")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PINNED / name, made)
        _run("npm", made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _pick(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Pick what is needed, and move it from the package's folders to the top."""
    for member in archive:
        path = PurePosixPath(member.name)
        if len(path.parts) < 4 or path.parts[1:3] != ("vendor", "llama.cpp"):
            continue
        inner = PurePosixPath(*path.parts[3:])
        if member.isfile() and any(inner.is_relative_to(name) for name in NEEDED):
            yield member.replace(name=str(inner))


def _run(tool: str, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        TOOLS[tool], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "rror" in line] or ["no reason given"]
        sys.exit(
            f"{tool} cannot fetch its part of llama.cpp: {said[0].strip()}; there is no network, "
            "or nothing prebuilt for this system; name the folder of another llama.cpp with "
            "merge.gguf.llama_cpp"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("llama.cpp"), help="the folder")
    install(parser.parse_args().out.resolve())
