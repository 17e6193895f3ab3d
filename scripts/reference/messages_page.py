"""Renders the page of every message: what is wrong and what to do, read from the source.

MkDocs calls `on_files` as it builds the documentation, so that the page is always that of the code;
it is in no folder. A message is

* a call of `Problem`, or of what takes a parameter `wrong` and makes a `Problem` of it;
* a tuple of three texts that a function returns as `Words`;
* a `ValueError` of `parameters/`: what is wrong; why it matters; what to do.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src/tuneline"
GAP = "…"
TITLES = {
    "": "Commands",
    "checks": "Checks before a run",
    "datasets": "Reading files",
    "hub": "The hub",
    "llm_api": "Servers",
    "models": "Base models and chat templates",
    "new_use_case": "A use case of your own",
    "utils": "Files and disks",
}
PROBLEM = ("where", "wrong", "matters", "remedy", "value")
INTRODUCTION = """\
# Every message

This page is made from the code. A message reads `<file or parameter> = <value>: what is wrong; why
it matters; what to do.` Search for words of its middle part; … stands for what the run fills in.
[Troubleshooting](troubleshooting.md) has what is no message, such as a run that is slow.
"""
Scope = dict[str, list[ast.expr]]
Texts = tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """What one place of the source says: in each wording what is wrong, and what to do."""

    path: Path
    line: int
    wrong: Texts
    remedy: Texts

    @property
    def room(self) -> str:
        """The folder of the module; of a stage, the stage."""
        first, *rest = self.path.with_suffix("").parts
        return rest[0] if first == "pipelines" else first if rest else ""

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """Each wording with its remedy; all remedies where they are not one for each wording."""
        if len(self.wrong) == len(self.remedy):
            return zip(self.wrong, self.remedy, strict=True)
        return ((wrong, "; or ".join(self.remedy)) for wrong in self.wrong)


@dataclass(frozen=True)
class Maker:
    """A function or an exception that makes a `Problem` of its argument `wrong`."""

    parameters: Texts
    remedy: Texts


def on_files(files: Any, config: Any) -> Any:
    """Add the page to those that MkDocs builds."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "messages.md", content=render_page()))
    return files


def render_page() -> str:
    """Render the page as Markdown."""
    rooms: dict[str, set[str]] = {}
    for message in list_messages():
        for wrong, remedy in message.rows:
            if has_words(wrong):
                said = remedy if has_words(remedy) else "as the message says"
                rooms.setdefault(message.room, set()).add(f"{_escape(wrong)} | {_escape(said)}")
    parts = [INTRODUCTION]
    for room in sorted(rooms, key=_name_room):
        parts.append(f"## {_name_room(room)}\n\nwhat is wrong | what to do\n--- | ---")
        parts += [*sorted(rooms[room], key=str.casefold), ""]
    return "\n".join(parts)


def list_messages() -> list[Message]:
    """List every message of the source."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
    own = {path: dict(_list_makers(tree)) for path, tree in trees.items()}
    shared = {
        name: maker
        for makers in own.values()
        for name, maker in makers.items()
        if not name.startswith("_")
    }
    return [
        Message(path.relative_to(SOURCE), line, wrong, remedy)
        for path, tree in trees.items()
        for line, wrong, remedy in _find_messages(tree, shared | own[path])
    ]


def has_words(text: str) -> bool:
    """Tell whether more than gaps is left of a text."""
    return any(character.isalpha() for character in text)


def _name_room(room: str) -> str:
    return TITLES.get(room, room.replace("_", " ").capitalize())


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _list_makers(tree: ast.Module) -> Iterator[tuple[str, Maker]]:
    """List the functions, methods and exceptions with a parameter `wrong`."""
    constants = _list_assignments(tree)
    for owner in [tree, *(one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))]:
        for function in owner.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            parameters = tuple(one for one in _name_parameters(function) if one != "self")
            if "wrong" in parameters:
                inner = [one for one in ast.walk(function) if _name_call(one) == "Problem"]
                remedies = [_bind(PROBLEM, one).get("remedy") for one in inner]
                scope = constants | _list_assignments(function)
                texts = _list_texts(remedies[0], scope) if remedies else (GAP,)
                is_exception = function.name == "__init__" and isinstance(owner, ast.ClassDef)
                yield owner.name if is_exception else function.name, Maker(parameters, texts)


def _find_messages(
    tree: ast.Module, makers: dict[str, Maker]
) -> Iterator[tuple[int, Texts, Texts]]:
    constants = _list_assignments(tree)
    for function in [tree, *(one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))]:
        scope = constants | _list_assignments(function)
        known = dict(makers)
        if "wrong" not in _name_parameters(function):  # else its callers say what is wrong
            known["Problem"] = Maker(PROBLEM, (GAP,))
        for node in _walk_own(function):
            name = _name_call(node)
            if name in known:
                bound = _bind(known[name].parameters, node)
                remedy = bound.get("remedy")
                remedies = _list_texts(remedy, scope) if remedy else known[name].remedy
                yield node.lineno, _list_texts(bound.get("wrong"), scope), remedies
            elif name == "ValueError" and node.args:
                texts = [text.split("; ", 2) for text in _list_texts(node.args[0], scope)]
                yield from ((node.lineno, (one[0],), (one[2],)) for one in texts if len(one) == 3)
            elif _returns_words(node, function):
                wrong, _, remedy = node.value.elts
                yield node.lineno, _list_texts(wrong, scope), _list_texts(remedy, scope)


def _list_texts(expression: ast.expr | None, scope: Scope) -> Texts:
    """List the texts that an expression may stand for; a gap where only the run knows."""
    if isinstance(expression, ast.Constant):
        return (str(expression.value),)
    if _name_call(expression) == "suggest":
        return ("take the suggested name",)
    if parts := _list_parts(expression):
        return tuple("".join(one) for one in product(*(_list_texts(one, scope) for one in parts)))
    if isinstance(expression, ast.FormattedValue):
        texts = _list_texts(expression.value, scope)
        return texts if all(map(has_words, texts)) else (GAP,)
    choices, is_name = _list_choices(expression, scope), isinstance(expression, ast.Name)
    inner = scope | {expression.id: []} if is_name else scope  # `said = said or …`
    found = [text for one in choices for text in _list_texts(one, inner)]
    return tuple(text for text in found if text or not is_name) or (GAP,)


def _list_parts(expression: ast.expr | None) -> list[ast.expr]:
    """List what an expression puts together."""
    if isinstance(expression, ast.JoinedStr):
        return expression.values
    is_sum = isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add)
    return [expression.left, expression.right] if is_sum else []


def _list_choices(expression: ast.expr | None, scope: Scope) -> list[ast.expr]:
    """List what an expression is one of."""
    if isinstance(expression, ast.IfExp):
        return [expression.body, expression.orelse]
    if isinstance(expression, ast.BoolOp):
        return expression.values
    return scope.get(expression.id, []) if isinstance(expression, ast.Name) else []


def _list_assignments(tree: ast.AST) -> Scope:
    """List what each name is set to: by `=`, or to its first value by each `+=`."""
    found: Scope = {}
    added: Scope = {}
    for node in _walk_own(tree):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            added.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Assign):
            for name, value in _unpack(node.targets[0], node.value):
                found.setdefault(name, []).append(value)
    for name in added.keys() & found.keys():
        found[name] = [ast.BinOp(found[name][0], ast.Add(), one) for one in added[name]]
    return found


def _unpack(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from _unpack(one, its)


def _bind(parameters: tuple[str, ...], call: ast.Call) -> dict[str, ast.expr]:
    bound = dict(zip(parameters, call.args, strict=False))
    return bound | {one.arg: one.value for one in call.keywords if one.arg}


def _returns_words(node: ast.AST, function: ast.AST) -> bool:
    if not (isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)):
        return False
    returns = getattr(function, "returns", None)
    return returns is not None and "Words" in ast.unparse(returns)


def _name_parameters(function: ast.AST) -> list[str]:
    return [one.arg for one in function.args.args] if isinstance(function, ast.FunctionDef) else []


def _name_call(node: ast.AST | None) -> str:
    called = node.func if isinstance(node, ast.Call) else None
    return getattr(called, "id", "") or getattr(called, "attr", "")


def _walk_own(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk through a function or a module, not through the functions inside it, in source order."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _walk_own(node)
