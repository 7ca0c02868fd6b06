"""The published cells and claims: complete, equal to the paper, and strict about every mention."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tgvac.errors import BadInput
from tgvac.report.claims import Claim, load_claims
from tgvac.report.paper import Paper, load_paper

REFERENCE = Path(__file__).parents[2] / "reference"

# Typed a second time, line by line as in the paper: the label, then the numbers from left to right.
PRINTED = {
    "table1": """
        Mean #frames         57    113    1,797
        # object classes     9     65     60
        # instances          24    332    1,044
        # synthesized video  120   1,600  5,220
        """,
    "table2": """
        ProgressiveAmodal [52]  0.88 0.14 0.92 0.10  0.90 0.18 0.85 0.11
        Pix2Gestalt [33]        0.89 0.12 0.92 0.12  0.90 0.17 0.87 0.08
        Ours                    0.93 0.06 0.96 0.78  0.92 0.14 0.93 0.82
        """,
    "table3": """
        Visible Mask ✗, Text Prompt ✓  0.76 0.52 0.81  0.74 0.56 0.79
        Visible Mask ✓, Text Prompt ✗  0.90 0.09 0.94  0.90 0.18 0.89
        Visible Mask ✓, Text Prompt ✓  0.93 0.06 0.96  0.92 0.14 0.93
        """,
    "table4": """
        o = 2   0.91 0.10 0.94
        o = 4   0.92 0.10 0.94
        o = 8   0.88 0.11 0.87
        o = N'  0.87 0.11 0.86
        """,
}
HEADS = {
    "table1": ["DAVIS [34]", "YTVOS [53]", "LaSOT [10]"],
    "table2": ["CLIP↑", "LSIPS↓", "TC↑", "User Preference"] * 2,
    "table3": ["CLIP↑", "LSIPS↓", "TC↑"] * 2,
    "table4": ["CLIP↑", "LSIPS↓", "TC↑"],
}


@pytest.fixture(scope="module")
def paper() -> Paper:
    return load_paper(REFERENCE / "paper.yaml")


@pytest.fixture(scope="module")
def claims(paper: Paper) -> dict[str, Claim]:
    return load_claims(REFERENCE / "claims.yaml", paper)


@pytest.mark.parametrize(("table", "count"), [("table1", 12), ("table2", 24), ("table3", 18), ("table4", 12)])
def test_each_table_holds_every_printed_cell_with_its_label_and_digits(paper: Paper, table: str, count: int) -> None:
    lines = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in PRINTED[table].strip().splitlines()]
    cells = [cell for cell in paper.cells.values() if cell.table == table]
    assert len(cells) == count
    assert [cell.text for cell in cells] == [number for _, numbers in lines for number in numbers.split()]
    assert [row.label for row in paper.tables[table].rows.values()] == [label for label, _ in lines]
    assert [column.label for column in paper.tables[table].columns.values()] == HEADS[table]


def test_ids_name_what_a_cell_is(paper: Paper) -> None:
    cell = paper.cell("table2.ours.easy.clip")
    assert (cell.value, cell.metric, cell.direction, cell.difficulty) == (0.93, "clip", "up", "easy")
    assert paper.cell("table3.mask_only.hard.lpips").direction == "down"
    assert paper.cell("table4.no_overlap.tc").difficulty is None
    assert paper.cell("table1.instances.lasot").direction == "none"
    for each in paper.cells.values():
        assert each.id == f"{each.table}.{each.row}.{each.column}"
        if each.difficulty:
            assert each.column == f"{each.difficulty}.{each.metric}"
            assert paper.tables[each.table].columns[each.column].group == f"{each.difficulty.title()} Cases"


def test_an_unknown_cell_names_the_nearest(paper: Paper) -> None:
    with pytest.raises(ValueError, match=r"'table2\.our\.easy\.clip'; did you mean 'table2\.ours\.easy\.clip'\?"):
        paper.cell("table2.our.easy.clip")


def test_exactly_the_votes_are_marked_as_published_only(paper: Paper) -> None:
    marked = {cell.id for cell in paper.cells.values() if cell.published_only}
    assert marked == {cell.id for cell in paper.cells.values() if cell.metric == "user_preference"}
    assert len(marked) == 6


def test_the_prose_contradicts_the_tables_in_the_swapped_votes_and_nowhere_else(paper: Paper) -> None:
    swapped = {cell.id for cell in paper.cells.values() if cell.contradicted}
    assert swapped == set(paper.flaws["user_preference_swapped"].cells)
    for difficulty in ("easy", "hard"):
        one = paper.cell(f"table2.progressive.{difficulty}.user_preference")
        other = paper.cell(f"table2.pix2gestalt.{difficulty}.user_preference")
        assert one.prose == {"prose_user_preference": other.value}
        assert other.prose == {"prose_user_preference": one.value}


def test_the_recorded_flaws_are_in_the_numbers(paper: Paper) -> None:
    def value(cell: str) -> float:
        return paper.cell(cell).value

    votes = {d: sum(value(f"table2.{m}.{d}.user_preference") for m in paper.tables["table2"].rows)
             for d in ("easy", "hard")}  # fmt: skip
    assert votes == pytest.approx({"easy": 1.00, "hard": 1.01})
    assert value("table1.instances.youtube_vos") * 5 == 1660 != value("table1.synthesized_videos.youtube_vos")
    total = sum(value(cell) for cell in paper.flaws["validation_count"].cells)
    assert (total, total / 5) == (6940, 1388)
    assert paper.quotes["validation_videos"].numbers["videos"] == 1400
    required = {"lsips", "user_preference_sum", "stride_or_overlap", "n_prime_reused", "ddim_1000"}
    assert required <= set(paper.flaws)


def test_every_quote_states_the_numbers_it_is_recorded_for(paper: Paper) -> None:
    for quote in paper.quotes.values():
        digits = quote.text.replace(",", "").replace("eight", "8")
        assert quote.cells or quote.numbers
        for number in (*quote.cells.values(), *quote.numbers.values()):
            assert re.search(rf"(?<![\d.]){re.escape(f'{number:g}')}", digits), (quote.text, number)


def test_the_verdicts_of_the_published_cells_on_the_claims_are_known(paper: Paper, claims: dict[str, Claim]) -> None:
    verdicts = {claim.id: claim.published(paper) for claim in claims.values()}
    assert {name for name, verdict in verdicts.items() if verdict == "fails"} == {"text_matters_most_when_hidden"}
    assert {name for name, verdict in verdicts.items() if verdict == "ties"} == {"no_overlap_is_worst"}
    unprinted = {name for name, verdict in verdicts.items() if verdict is None}
    own = {c.id for c in claims.values() if any("own." in cell for each in c.comparisons for cell in each.cells)}
    assert unprinted == own | {"transfers_to_natural_video"}
    assert 10 <= len(claims) <= 20


def test_a_comparison_runs_in_the_direction_of_its_metric(claims: dict[str, Claim]) -> None:
    lower = claims["beats_frame_methods_lpips"].comparisons[0]
    assert lower.margin({"table2.ours.easy.lpips": 0.06, "table2.pix2gestalt.easy.lpips": 0.12}) == 0.06
    higher = claims["motion_improves_tc"].comparisons[0]
    assert higher.margin({"table2.ours.easy.tc": 0.8, "own.frame_only.easy.tc": 0.9}) == -0.1
    gain = next(each for each in claims["text_matters_most_when_hidden"].comparisons if each.direction == "down")
    # Text lowers the hard distance by 0.04 and the easy one by 0.03.
    assert gain.margin(dict(zip(gain.cells, (0.14, 0.18, 0.06, 0.09), strict=True))) == 0.01
    with pytest.raises(KeyError):
        higher.margin({})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table4.stride8.tc: {value: 0.87}\n      ", "", r"disagree on 'table4\.stride8\.tc'"),
        ("metric: count}", "metric: counts}", "no metric 'counts'; did you mean 'count'"),
        ("value: 57}", "value: 57, unit: frames}", "unit"),
        ("value: 57}", "value: many}", "many"),
        ("table4.stride8.tc: 0.87", "table4.stride9.tc: 0.87", r"no cell 'table4\.stride9\.tc'; did you mean"),
        ("format: 1", "format: 2", "format"),
    ],
)
def test_a_faulty_paper_file_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (REFERENCE / "paper.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "paper.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        load_paper(tmp_path / "paper.yaml")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"tests": [{"better": "table2.our", "than": "table2.pix2gestalt", "columns": ["easy.tc"]}]}, "did you mean"),
        ({"tests": [{"better": "own.frames", "than": "table2.ours", "columns": ["easy.tc"]}]}, r"own\.frames"),
        ({"tests": [{"better": "table1.instances", "than": "table1.instances", "columns": ["davis"]}]}, "no metric"),
        ({"tests": [{"better": "own.frame_only", "than": "own.frame_only", "columns": ["easy.tc"]}]}, "no metric"),
        ({"tests": [{"gain": "table2.ours", "over": "table2.pix2gestalt", "larger_on": ["easy.tc", "hard.tc"],
                     "than_on": ["easy.tc"]}]}, "same length"),
        ({"tests": [{"gain": "table2.ours", "over": "table2.pix2gestalt", "larger_on": ["easy.tc"],
                     "than_on": ["easy.clip"]}]}, "no metric"),
        ({"tests": []}, "either tests"),
        ({"tests": [{"better": "table2.ours", "then": "table2.pix2gestalt", "columns": ["easy.tc"]}]}, "claims.odd"),
    ],
)  # fmt: skip
def test_a_faulty_claim_is_refused_by_name(
    tmp_path: Path, paper: Paper, claim: dict[str, object], message: str
) -> None:
    whole = {"section": "4", "quote": "q", "says": "s", **claim}
    tree = {"format": 1, "own_rows": {"frame_only": "x"}, "claims": {"odd": whole}}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        load_claims(tmp_path / "claims.yaml", paper)
