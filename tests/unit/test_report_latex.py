"""LaTeX of tables: balanced, escaped, and with all columns in each row."""

from __future__ import annotations

import re

import pytest

from tests.unit.report_project import report_project, run_report
from tgvac.report.latex import escape, to_latex
from tgvac.report.tables import Cell, Column, Table, missing
from tgvac.report.tables import Row as TableRow


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    project = report_project(tmp_path_factory.mktemp("project"))
    run_report(project)
    return {path.stem: path.read_text(encoding="utf-8") for path in (project.out / "tables").glob("*.tex")}


def cells_of(line: str) -> int:
    """How many columns a line of a tabular fills."""
    spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
    return len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans)


def balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_every_table_is_balanced_and_fills_its_columns(texts: dict[str, str]) -> None:
    assert {"table1", "table2", "table3", "table4", "claims", "bins", "paper"} <= set(texts)
    for name, text in texts.items():
        assert balanced(text), name
        for kind in ("table*", "tabular"):
            assert text.count(f"\\begin{{{kind}}}") == text.count(f"\\end{{{kind}}}") == 1
        columns = re.search(r"\\begin\{tabular\}\{(.*)\}\n", text)
        assert columns
        width = len(re.sub(r"p\{[^}]*\}", "p", columns.group(1)))
        body = text[text.index("\\toprule") : text.index("\\bottomrule")]
        lines = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert len(lines) >= 2, name
        assert {cells_of(line) for line in lines} == {width}, name
        assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0, name
        assert not re.search(r"(?<!\\)[#%](?! needs)", text), name
        assert [rule for rule in ("\\toprule", "\\midrule", "\\bottomrule") if rule not in text] == []
        # Our own text needs no engine that reads Unicode.
        assert text.isascii(), (name, {letter for letter in text if ord(letter) > 127})


def test_every_special_character_is_escaped() -> None:
    assert escape("50 % & a_b #1 {x} ~ ^ \\ $5") == (
        r"50 \% \& a\_b \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$5"
    )
    assert escape("CLIP↑ [0.1] ✓ – “so”") == r"CLIP$\uparrow$ {[}0.1{]} $\checkmark$ -- ``so''"


def test_groups_sections_and_notes_have_their_commands() -> None:
    columns = (Column("", number=False), Column("x", "G & H"), Column("y", "G & H"), Column("says", prose=True))
    rows = (
        TableRow((Cell("a", "(3)"), Cell("1"), missing("not_run"), Cell("one\ntwo"))),
        TableRow((Cell("b"), Cell("2"), missing("not_run"), Cell(""))),
    )
    text = to_latex(Table("t", "T_1", columns, (rows[0], TableRow(rows[1].cells, "Later")), "Lead.", ("50 %.",)))
    assert text.splitlines() == [
        "% needs \\usepackage{booktabs,amssymb}",
        "\\begin{table*}[tp]",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        "\\caption{T\\_1}",
        "\\label{tab:t}",
        "\\begin{tabular}{lrrp{3.2cm}}",
        "\\toprule",
        "\\multicolumn{1}{c}{} & \\multicolumn{2}{c}{G \\& H} & \\multicolumn{1}{c}{} \\\\",
        "\\cmidrule(lr){2-3}",
        " & x & y & says \\\\",
        "\\midrule",
        "a (3) & 1 & --\\textsuperscript{1} & one\\newline{}two \\\\",
        "\\midrule",
        "\\multicolumn{4}{l}{\\emph{Later}} \\\\",
        "b & 2 & --\\textsuperscript{1} &  \\\\",
        "\\bottomrule",
        "\\end{tabular}",
        "\\par\\raggedright\\textsuperscript{1}~not\\_run",
        "\\par\\raggedright Lead.",
        "\\par\\raggedright 50 \\%.",
        "\\end{table*}",
    ]
