"""Tables as LaTeX, for ``\\input`` in a paper: with booktabs rules, and all text escaped.

Needs the packages booktabs and amssymb. Other non-ASCII letters are kept, so they need an engine that reads Unicode;
pdfLaTeX does for Latin letters.
"""

from __future__ import annotations

from itertools import groupby

from tgvac.report.tables import Table, sections

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # after a line break LaTeX would read it as an option
    "]": "{]}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "✓": r"$\checkmark$",
    "✗": r"$\times$",
    "×": r"$\times$",
    "−": "$-$",
    "±": r"$\pm$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≤": r"$\leq$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "·": r"$\cdot$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "\u00a0": "~",
    "\n": r"\newline{}",
}
_PROSE = 3.2
"""Width of a column of sentences, in centimetres."""


def escape(text: str) -> str:
    """Text as LaTeX.

    >>> escape("50 % & more_")
    '50 \\\\% \\\\& more\\\\_'
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def to_latex(table: Table) -> str:
    """A float with caption, label, table and notes."""
    numbers = table.notes()

    def mark(notes: tuple[str, ...]) -> str:
        return f"\\textsuperscript{{{','.join(str(numbers[n]) for n in notes)}}}" if notes else ""

    many = [any("\n" in row.cells[i].text for row in table.rows) for i in range(len(table.columns))]
    kinds = [
        f"p{{{_PROSE}cm}}" if column.prose or lines else "r" if column.number else "l"
        for column, lines in zip(table.columns, many, strict=True)
    ]
    lines = [
        "% needs \\usepackage{booktabs,amssymb}",
        "\\begin{table*}[tp]",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{escape(table.title)}}}",
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{{''.join(kinds)}}}",
        "\\toprule",
    ]
    if any(column.group for column in table.columns):
        heads, rules, position = [], [], 1
        for group, same in groupby(column.group for column in table.columns):
            span = len(list(same))
            heads.append(f"\\multicolumn{{{span}}}{{c}}{{{escape(group)}}}")
            rules += [f"\\cmidrule(lr){{{position}-{position + span - 1}}}"] if group else []
            position += span
        lines += [f"{' & '.join(heads)} \\\\", "".join(rules)]
    lines += [f"{' & '.join(escape(c.label) + mark(c.notes) for c in table.columns)} \\\\", "\\midrule"]
    for number, (name, rows) in enumerate(sections(table)):
        if name:
            lines += ["\\midrule"] if number else []
            lines.append(f"\\multicolumn{{{len(kinds)}}}{{l}}{{\\emph{{{escape(name)}}}}} \\\\")
        for row in rows:
            lines.append(f"{' & '.join(escape(cell.plain) + mark(cell.notes) for cell in row.cells)} \\\\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [f"\\par\\raggedright\\textsuperscript{{{n}}}~{escape(note)}" for note, n in numbers.items()]
    lines += [f"\\par\\raggedright {escape(text)}" for text in (table.lead, *table.remarks) if text]
    return "\n".join([*lines, "\\end{table*}"]) + "\n"
