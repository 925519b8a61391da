"""Drafts: kept for their owner alone, never overwritten by another window, and refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mskgraph.curation import drafts
from mskgraph.curation.drafts import Drafts
from mskgraph.errors import DraftNotKept

FIELDS: dict[str, Any] = {"case title": "Rice grains", "observations": 2, "case context": ["a", "b"], "number": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "drafts.sqlite"


def test_a_draft_is_there_again_as_it_was(path: Path) -> None:
    assert Drafts("ada", path).keep("one", "case", "Rice", FIELDS) == 1
    kept = Drafts("ada", path).get("one")
    assert kept is not None
    assert (kept.doing, kept.title, dict(kept.fields), kept.version) == ("case", "Rice", FIELDS, 1)


def test_nobody_sees_or_touches_the_drafts_of_another(path: Path) -> None:
    ada, ben = Drafts("ada", path), Drafts("ben", path)
    ada.keep("one", "case", "Rice", FIELDS)
    assert ben.all() == []
    assert ben.get("one") is None
    assert ben.keep("one", "case", "Mine", {}) is None
    assert ben.keep("one", "case", "Mine", {}, version=1) is None
    ben.discard("one")
    kept = ada.get("one")
    assert kept is not None
    assert (kept.title, kept.version) == ("Rice", 1)


def test_the_first_of_two_windows_keeps_its_draft_and_the_other_is_told(path: Path) -> None:
    mine = Drafts("ada", path)
    mine.keep("one", "case", "", {"a": 0})
    assert mine.keep("one", "case", "", {"a": 1}, version=1) == 2
    assert mine.keep("one", "case", "", {"a": 2}, version=1) is None
    kept = mine.get("one")
    assert kept is not None
    assert dict(kept.fields) == {"a": 1}


def test_what_is_discarded_is_gone(path: Path) -> None:
    mine = Drafts("ada", path)
    mine.discard("one")  # before there is anything
    mine.keep("one", "case", "", FIELDS)
    mine.keep("two", "claim", "", FIELDS)
    mine.discard("one")
    assert [kept.id for kept in mine.all()] == ["two"]


def test_others_on_the_machine_cannot_read_drafts(path: Path) -> None:
    Drafts("ada", path).keep("one", "case", "", FIELDS)
    assert path.stat().st_mode & 0o077 == 0


def test_too_many_and_too_large_ones_are_refused_and_nothing_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "MOST", 2)
    monkeypatch.setattr(drafts, "LARGEST", 1000)
    mine = Drafts("ada", path)
    mine.keep("one", "case", "", FIELDS)
    mine.keep("two", "case", "", FIELDS)
    with pytest.raises(DraftNotKept, match="discard some"):
        mine.keep("three", "case", "", FIELDS)
    with pytest.raises(DraftNotKept, match="send it in parts"):
        mine.keep("two", "case", "", {"text": "x" * 1000}, version=1)
    kept = [mine.get(each.id) for each in mine.all()]
    assert {each.id: dict(each.fields) for each in kept if each} == {"one": FIELDS, "two": FIELDS}
    assert Drafts("ben", path).keep("three", "case", "", FIELDS) == 1


def test_all_drafts_of_one_person_are_limited_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "TOGETHER", 3_000_000)
    mine = Drafts("ada", path)
    for name in ("one", "two"):
        assert mine.keep(name, "case", "", {"text": "\u00e4" * 600_000}) == 1, "of two bytes each"
    with pytest.raises(DraftNotKept, match="more than 3 MB together; discard some"):
        mine.keep("three", "case", "", {"text": "x" * 700_000})
    with pytest.raises(DraftNotKept, match="together"):
        mine.keep("two", "case", "", {"text": "x" * 2_000_000}, version=1)
    assert mine.keep("two", "case", "", {"text": "x" * 1_500_000}, version=1) == 2, "its own size before is no matter"
    assert Drafts("ben", path).keep("three", "case", "", {"text": "x" * 700_000}) == 1
    mine.discard("one")
    assert mine.keep("three", "case", "", {"text": "x" * 700_000}) is None, "that name is Ben's"
    assert mine.keep("four", "case", "", {"text": "x" * 700_000}) == 1


def test_a_list_of_drafts_needs_nothing_of_what_is_filled_in(path: Path) -> None:
    mine = Drafts("ada", path)
    for name in ("one", "two"):
        mine.keep(name, "case", f"Title of {name}", {"text": "x" * 100_000})
    pages = [path.read_bytes()[start : start + 4096] for start in range(0, path.stat().st_size, 4096)]
    filled_in = b"x" * 4092  # after the number of the page that follows
    path.write_bytes(b"".join(bytes(4096) if page.endswith(filled_in) else page for page in pages))
    assert {each.title for each in mine.all()} == {"Title of one", "Title of two"}
    with pytest.raises(DraftNotKept, match="malformed"):
        mine.get("one")


def test_what_is_no_database_is_told_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(DraftNotKept, match="It is there as long as this tab is open"):
        Drafts("ada", path).keep("one", "case", "", FIELDS)
    with pytest.raises(DraftNotKept):
        Drafts("ada", path).all()
    assert path.read_bytes() == b"no database" * 100


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DraftNotKept):
        Drafts("ada", tmp_path / "file" / "drafts.sqlite").keep("one", "case", "", FIELDS)


def test_a_full_disk_is_told_and_what_was_kept_stays(path: Path) -> None:
    Drafts("ada", path).keep("one", "case", "", FIELDS)
    code = """
import resource, signal, sys
from pathlib import Path
from mskgraph.curation.drafts import Drafts
from mskgraph.errors import DraftNotKept
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    Drafts("ada", Path(sys.argv[1])).keep("two", "case", "", {"text": "x" * 100_000})
except DraftNotKept as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "What you type is not kept" in done.stdout
    mine = Drafts("ada", path)
    assert [kept.id for kept in mine.all()] == ["one"]
    assert mine.keep("two", "case", "", {"text": "x" * 100_000}) == 1


values = (
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.floats(0, 100)
)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), values | st.lists(st.text("ab")))
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_filled_in_comes_back(path: Path, fields: dict[str, Any]) -> None:
    mine = Drafts("ada", path)
    mine.discard("one")
    mine.keep("one", "case", "", fields)
    kept = mine.get("one")
    assert kept is not None
    assert dict(kept.fields) == fields
