"""The diagram of packages in docs/architecture.md, made from the imports.

python docs/package_diagram.py            write it
python docs/package_diagram.py --check    exit with 1 when the page has another one
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from tgvac.code_digests import PACKAGE, TREE, imports_of

PAGE = Path(__file__).resolve().parent / "architecture.md"
BEGIN, END = "<!-- packages: made by docs/package_diagram.py -->", "<!-- end of packages -->"


def package_imports() -> dict[str, set[str]]:
    """The packages that each package imports, at the top of a file or inside a function."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TREE.folder.rglob("*.py")):
        parts = path.relative_to(TREE.folder).parts
        if len(parts) > 1:
            imported = (name.split(".") for name in imports_of(path.read_text(encoding="utf-8")))
            found[parts[0]] |= {name[1] for name in imported if len(name) > 1 and (TREE.folder / name[1]).is_dir()}
    return {name: imported - {name} for name, imported in sorted(found.items())}


def direct(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without the imports that follow from others, so that the diagram can be read."""

    def reached(name: str) -> set[str]:
        return {far for near in imports[name] for far in (near, *reached(near))}

    return {
        name: {near for near in nears if not any(near in reached(other) for other in nears)}
        for name, nears in imports.items()
    }


def purpose(package: str) -> str:
    """The first sentence of a package's docstring."""
    text = (TREE.folder / package / "__init__.py").read_text(encoding="utf-8")
    return text.strip().strip('"').split(". ")[0].rstrip(".")


def diagram() -> str:
    """Mermaid's text: an arrow from a package to each that it imports directly."""
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  {name} --> {near}" for name, nears in direct(package_imports()).items() for near in sorted(nears)]
    table = ["", "| package | what it holds |", "|---|---|"]
    table += [f"| `{name}/` | {purpose(name)} |" for name in package_imports()]
    return "\n".join([*lines, "```", *table])


def main(check: bool) -> int:
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    wanted = f"{head}{BEGIN}\n{diagram()}\n{END}{tail}"
    if page == wanted:
        return 0
    if check:
        print(f"{PAGE} has another diagram than the imports of {PACKAGE} give; run `python docs/package_diagram.py`.")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
