"""Hold the sources of every stage kind and sampler to its version: `python scripts/golden.py`, `--update` to rewrite.

Update it after a change that moves no number (a rename, a comment never counts). If the change does move numbers, bump
the version of the stage kind, the evaluation or the sampler first: old results are then asked for no more.
"""

import ast
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "stage_sources.json"


def statements_of(text: str) -> list[str]:
    """The top-level statements of a module as syntax trees, without docstrings and imports: what can move a number.

    A sampler's `entry` is left out too: its version is held beside the hash, its fields are part of every key.
    Where a statement stands and how it is laid out does not count, so that moving code leaves every hash as it was.
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    kept = _WithoutImports().visit(tree).body
    return [ast.dump(node) for node in kept if not isinstance(node, ast.Pass) and not _is_sampler_entry(node)]


def _is_sampler_entry(node: ast.stmt) -> bool:
    """Whether a statement is `entry = Entry(...)`."""
    match node:
        case ast.Assign(targets=[ast.Name(id="entry")], value=ast.Call(func=ast.Name(id="Entry"))):
            return True
    return False


class _WithoutImports(ast.NodeTransformer):
    """Takes imports out, late ones too: their paths change when code moves."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None


def source_hash(sources: tuple[str, ...], root: Path = ROOT) -> str:
    """SHA-256 over the sorted statements of the files named, and of all modules in the folders named."""
    files = {file for name in sources for file in _files(root / name)}
    statements = sorted(statement for file in files for statement in statements_of(file.read_text()))
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return list(path.rglob("*.py"))
    if not path.is_file():
        raise FileNotFoundError(f"{path.relative_to(ROOT)} is named as a stage's source and does not exist")
    return [path]


def with_imports(module: str, root: Path = ROOT) -> tuple[str, ...]:
    """The files of a module of `baselines` and of all modules of `baselines` that it imports, directly or not.

    The registry is left out: it finds samplers and moves no pick.
    """
    files: set[str] = set()
    waiting = [module]
    while waiting:
        file = waiting.pop().replace(".", "/") + ".py"
        if file in files or not (root / file).is_file():
            continue
        files.add(file)
        nodes = ast.walk(ast.parse((root / file).read_text()))
        waiting += [
            node.module for node in nodes if isinstance(node, ast.ImportFrom) and _of_this_repository(node.module)
        ]
    return tuple(sorted(files))


def _of_this_repository(module: str | None) -> bool:
    return module is not None and module.startswith("baselines.") and module != "baselines.registry"


def current(root: Path = ROOT) -> dict[str, dict[str, object]]:
    """Version and source hash of every kind of stage and every registered sampler."""
    sys.path.insert(0, str(root))
    from baselines import SAMPLERS
    from benchmark.evaluations import EVALUATIONS
    from benchmark.stages import KINDS

    named = {kind.name: kind for kind in KINDS} | {f"evaluation {one.name}": one.kind for one in EVALUATIONS}
    # What an installed package adds has its sources elsewhere.
    own = {name: kind for name, kind in named.items() if kind.module.startswith("benchmark.")}
    kinds = {name: (kind.version, kind.sources) for name, kind in own.items()}
    samplers = {
        f"sampler {entry.name}": (entry.version, with_imports(entry.path.partition(":")[0], root))
        for entry in SAMPLERS.values()
    }
    return {
        name: {"version": version, "sources": source_hash(sources, root)}
        for name, (version, sources) in {**kinds, **samplers}.items()
    }


def differences(now: dict[str, dict[str, object]], golden: dict[str, dict[str, object]]) -> list[str]:
    """A line for every kind whose code or version is not the committed one."""
    changed = [kind for kind in sorted(now) if now[kind] != golden.get(kind)]
    return [f"{kind}: {_what_changed(now[kind], golden.get(kind, {}))}" for kind in changed]


def _what_changed(now: dict[str, object], golden: dict[str, object]) -> str:
    same_version = now["version"] == golden.get("version")
    return "its sources changed and its version did not" if same_version else "its version changed"


def main() -> int:
    now = current()
    if "--update" in sys.argv:
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
        return 0
    problems = differences(now, json.loads(GOLDEN.read_text()))
    for line in problems:
        print(line)
    if problems:
        print(
            "no number moves? python scripts/golden.py --update; otherwise bump the version of the kind"
            " (benchmark/stages, benchmark/evaluations, baselines) too"
        )
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
