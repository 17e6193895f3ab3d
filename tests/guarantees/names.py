"""Which names in `data/` are final, and which of them are one thing."""

import re
from pathlib import Path

# What a writer takes until it is through, and what only one run holds at a time.
HIDDEN = re.compile(r"\..+\.partial")
LOCKS = ".locks"
# Where cleaning writes until all rows have passed, and a merge until its result has been compared;
# nobody else reads it.
WORK = {"cleaning", "merging"}
# Lines are added to it while the work goes on; a line that was cut short is passed over.
CACHE = re.compile(r"(?:.*_)?(?:cache|responses)\.jsonl")
# Folders that are read as a whole.
FOLDERS = re.compile(
    r"06_models/[^/]+/(?:adapter/[^/]+/adapter|checkpoints/[^/]+/checkpoint-\d+|merged|gguf|release)"
    r"(?=/|$)"
)
# A run names these after its process, its time, or by chance.
CHANCE = [
    (re.compile(r"\.\d+-\d+\.partial"), ".N.partial"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d.]+Z"), "VERSION"),
    (re.compile(r"checkpoints/[0-9a-f]{12}"), "checkpoints/RUN"),
    (re.compile(r"/\.tmp\w{6}$"), "/.tmpN"),
    (re.compile(r"checkpoint-\d+"), "checkpoint-N"),
    (re.compile(r"^scratch/[^/]+"), "scratch/N"),
]


def is_final(name: Path) -> bool:
    """Tell whether a path, seen from `data`, is one that a reader may open."""
    hidden = any(HIDDEN.fullmatch(part) for part in name.parts)
    return not hidden and not ({LOCKS} | WORK) & {*name.parts}


def is_unsealed(path: Path) -> bool:
    """Tell whether a folder is a checkpoint that nobody takes for one: it has no seal yet."""
    return path.name.startswith("checkpoint-") and not (path / "sealed.json").exists()


def find_thing(name: Path) -> Path:
    """Find what is read as a whole: the folder that a file belongs to, or the file itself."""
    found = FOLDERS.match(name.as_posix())
    return Path(found[0]) if found else name


def generalize(name: str) -> str:
    """Name a file as it is named in every run."""
    for pattern, word in CHANCE:
        name = pattern.sub(word, name)
    return name


def list_final(data: Path) -> dict[str, Path]:
    """List all files under their final names, with a version's own name left out."""
    found = {}
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data)
        if path.is_file() and is_final(name) and not is_unsealed(path.parent):
            found[name.as_posix()] = path
    return found
