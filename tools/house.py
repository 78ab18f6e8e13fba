"""How the code is built, in figures: ``python tools/house.py [FOLDER]``.

The table that says whether one idea is in one place: many small modules and helpers that are called
once mean that a reader has to walk; many imports that modules know too much of each other.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path
from statistics import median, quantiles

Function = ast.FunctionDef | ast.AsyncFunctionDef


def measure(folder: Path) -> dict[str, str]:
    """Return the rows of the table for the modules under `folder`."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lines = [len(text.splitlines()) for text in texts.values()]
    functions = [node for tree in trees.values() for node in _functions(tree)]
    bodies = [_length(node) - _told(node) for node in functions]
    code = [_code(text, trees[path]) for path, text in texts.items()]
    imports = [node for tree in trees.values() for node in ast.walk(tree) if _is_import(node)]
    private = [count for tree in trees.values() for count in _calls_of_private(tree)]
    once = sum(count == 1 for count in private)
    public = [node for tree in trees.values() for node in _public(tree)]
    shown = sum(">>>" in (ast.get_docstring(node) or "") for node in public)
    return {
        "modules": f"{len(texts)}",
        "lines": f"{sum(lines):,}",
        "of them code": f"{sum(code):,}",
        "lines of a file, median / p90": _spread(lines),
        "of them code, median / p90": _spread(code),
        "lines of a function, median / p90": _spread(bodies),
        "imports a module": f"{len(imports) / len(texts):.1f}",
        "share of lines that import": f"{sum(map(_length, imports)) / sum(lines):.1%}",
        "private functions called once": f"{once / max(len(private), 1):.0%}".replace("%", " %")
        + f" of {len(private)}",
        "public functions with an example": f"{shown} of {len(public)}",
        "files over 450 lines": f"{sum(n > 450 for n in lines)}",
        "files over 450 lines of code": f"{sum(n > 450 for n in code)}",
        "functions over 60 lines": f"{sum(n > 60 for n in bodies)}",
    }


def _functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def _public(tree: ast.Module) -> list[Function]:
    """Return the public functions of a module.

    Overloads say again what one of them is; a command of the command line is typed, not called, and
    its docstring is what ``--help`` shows.
    """
    functions = (n for n in tree.body if isinstance(n, Function) and not n.name.startswith("_"))
    return [n for n in functions if not any(map(_is_no_function, n.decorator_list))]


def _is_no_function(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("overload", "command", "group")


def _calls_of_private(tree: ast.Module) -> list[int]:
    """Return, for each private function of a module, how often the module names it."""
    private = [n.name for n in tree.body if isinstance(n, Function) and n.name.startswith("_")]
    named = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return [named[name] for name in private if not name.startswith("__")]


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) and not (
        isinstance(node, ast.ImportFrom) and node.module == "__future__"
    )


def _length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def _told(node: ast.AST) -> int:
    """Return the lines of a docstring: an example that shows the point makes nothing longer."""
    documented = ast.Module, ast.ClassDef, Function
    has = isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
    return _length(node.body[0]) if has else 0


def _code(text: str, tree: ast.Module) -> int:
    """Return how many lines of a module hold code: neither blank, nor comment, nor docstring."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    silent |= {tokenize.ENCODING, tokenize.ENDMARKER}
    held = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in silent
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(held) - sum(map(_told, ast.walk(tree)))


def _spread(values: list[int]) -> str:
    p90 = quantiles(values, n=10)[-1] if len(values) > 1 else values[0]
    return f"{median(values):.0f} / {p90:.0f}"


if __name__ == "__main__":
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1] / "src"
    for name, value in measure(root).items():
        print(f"{name:36} {value}")
