"""The journal: a chain that nothing is taken from, that crashes leave whole, and whose damage is told and named."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal, journal
from mskgraph.curation.triples import text_of
from mskgraph.errors import (
    JournalDamaged,
    JournalUnusable,
    MskGraphError,
    PatchInvalid,
    ProposalsDamaged,
    StaleRevision,
)
from mskgraph.store import Patch
from tests.journal_writers import accept_without_end, forks, small_patch, write_without_end
from tests.rights import as_anybody, folder_for_anybody
from tests.small_ontology import added, small_ontology, statements

ROOT = Path(__file__).resolve().parent.parent
KILLS = 200


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def append(kept: Journal, number: int, **fields: Any) -> Change:
    with kept.writing() as writing:
        change = Change(f"author {number}", f"message {number}", small_patch("n", number))
        return writing.append(replace(change, **fields), writing.head())


def grown(path: Path, count: int) -> list[Change]:
    """The changes of a new journal."""
    return [append(Journal(path), number) for number in range(1, count + 1)]


def is_chain(changes: list[Change]) -> bool:
    previous = ["", *(change.hash for change in changes)]
    return [change.previous for change in changes] == previous[:-1] and [change.number for change in changes] == list(
        range(1, len(changes) + 1)
    )


# what it keeps


def test_there_is_nothing_before_the_first_change(home: Path) -> None:
    assert Journal().path == home / "journal.sqlite"
    assert Journal().head() == ""
    assert Journal().changes() == []
    assert not home.exists()


def test_changes_come_back_as_they_were_accepted() -> None:
    before = datetime.now(UTC)
    made = [append(Journal(), number) for number in (1, 2, 3)]
    assert Journal().changes() == made
    assert Journal().head() == made[-1].hash
    assert is_chain(made)
    assert [change.author for change in made] == ["author 1", "author 2", "author 3"]
    assert made[1].patch == small_patch("n", 2)
    for change in made:
        stamp = datetime.fromisoformat(change.time)
        assert stamp.utcoffset() == timedelta(0)
        assert before - timedelta(seconds=1) <= stamp <= datetime.now(UTC)


@pytest.mark.parametrize(
    "text", ["", "é東\U0001f9b4", 'quote " and \\', "two\nlines", "\x01\x02", "\u202eright to left", "x" * 50_000]
)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    patch = Patch(frozenset({f"<urn:a> <urn:b> <urn:{len(text)}> ."}), frozenset({"<urn:c> <urn:d> <urn:e> ."}))
    made = append(Journal(), 1, author=text, message=text, patch=patch)
    assert Journal().changes() == [made]
    assert (made.author, made.message, made.patch) == (text, text, patch)


@pytest.mark.parametrize(
    "other",
    [
        {"author": "somebody else"},
        {"accepted_by": "somebody else"},
        {"proposal": 7},
        {"message": "another reason"},
        {"time": "2020-01-01T00:00:00.000+00:00"},
        {"undoes": "0" * 64},
        {"previous": "0" * 64},
        {"patch": Patch(frozenset({"<urn:a> <urn:b> <urn:c> ."}))},
        {"patch": small_patch("n", 1).inverse()},
    ],
)
def test_the_hash_is_over_all_that_a_change_says(other: dict[str, Any]) -> None:
    change = Change("author", "message", small_patch("n", 1), "2026-01-01T00:00:00.000+00:00")
    assert replace(change, **other).hash != change.hash
    assert replace(change, number=7).hash == change.hash


def test_text_that_moves_from_one_field_to_the_next_is_another_change() -> None:
    assert Change("ab", "c", Patch()).hash != Change("a", "bc", Patch()).hash


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change SET author = 'x'",
        "UPDATE change SET hash = 'x' WHERE number = 1",
        "UPDATE OR REPLACE change SET number = 2 WHERE number = 1",
        "DELETE FROM change",
        "DELETE FROM change WHERE number = 2",
    ],
)
def test_the_database_itself_refuses_to_alter_or_delete(statement: str) -> None:
    made = grown(Journal().path, 2)
    with closing(sqlite3.connect(Journal().path)) as database:
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            database.execute(statement)
        database.rollback()
    assert Journal().changes() == made


def test_a_change_for_an_older_revision_is_refused_and_told_which() -> None:
    first, second = grown(Journal().path, 2)
    with pytest.raises(StaleRevision) as caught, Journal().writing() as writing:
        writing.append(Change("late", "", small_patch("late", 1)), first.hash)
    assert (caught.value.base, caught.value.head) == (first.hash, second.hash)
    with pytest.raises(StaleRevision), Journal().writing() as writing:
        writing.append(Change("late", "", small_patch("late", 1)), "")
    assert Journal().changes() == [first, second]


def test_the_changes_since_one_are_those_after_it_or_all() -> None:
    made = grown(Journal().path, 4)
    assert [Journal().since(change.hash) for change in made] == [made[1:], made[2:], made[3:], []]
    assert Journal().since("") == Journal().since("0" * 64) == made


def test_what_is_accepted_is_put_together_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    change_of = journal._change_of
    monkeypatch.setattr(journal, "_change_of", lambda row: read.append(row[0]) or change_of(row))
    made: list[Change] = []
    for count in (3, 1, 2):
        made += [append(Journal(), number) for number in range(len(made) + 1, len(made) + count + 1)]
        head, accepted = curation.accepted(Journal())
        assert head == made[-1].hash
        assert accepted.patch == reduce(Patch.then, (change.patch for change in made))
        assert set(accepted.history().splitlines()) == set(curation.history(made).splitlines())
    assert read == [1, 2, 3, 4, 5, 6]


def test_another_journal_in_the_place_of_one_that_was_read_is_read_anew(tmp_path: Path, home: Path) -> None:
    grown(Journal().path, 3)
    curation.accepted(Journal())
    other = grown(tmp_path / "other" / "journal.sqlite", 5)
    for path in home.iterdir():
        path.unlink()
    head, accepted = curation.accepted(Journal())
    assert (head, accepted.patch, accepted.history()) == ("", Patch(), "")
    shutil.copytree(tmp_path / "other", home, dirs_exist_ok=True)
    head, accepted = curation.accepted(Journal())
    assert (head, accepted.patch) == (other[-1].hash, reduce(Patch.then, (change.patch for change in other)))


def test_an_error_while_writing_leaves_nothing() -> None:
    made = grown(Journal().path, 1)

    def fail() -> None:
        with Journal().writing() as writing:
            writing.append(Change("x", "", small_patch("x", 1)), writing.head())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Journal().changes() == made
    assert append(Journal(), 2).number == 2


def test_what_is_not_committed_is_seen_by_nobody() -> None:
    made = grown(Journal().path, 1)
    with Journal().writing() as writing:
        writing.append(Change("x", "", small_patch("x", 1)), writing.head())
        assert Journal().changes() == made
        assert Journal().head() == made[0].hash
    assert len(Journal().changes()) == 2


# several at once


def test_writers_wait_for_each_other_and_lose_nothing() -> None:
    def write(mark: int) -> None:
        for number in range(20):
            append(Journal(), mark * 100 + number)

    threads = [threading.Thread(target=write, args=(mark,)) for mark in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = Journal().changes()
    assert is_chain(changes)
    wanted = {f"author {mark * 100 + number}" for mark in range(1, 6) for number in range(20)}
    assert {change.author for change in changes} == wanted
    assert len(changes) == 100


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = grown(Journal().path, 1)
    monkeypatch.setattr(journal, "_WAIT", 0.1)
    with Journal().writing(), pytest.raises(JournalUnusable, match="locked"), Journal().writing():
        pass
    assert Journal().changes() == made


def test_the_first_change_made_by_many_at_once_is_made_once(tmp_path: Path) -> None:
    """Readers and writers that come while the journal is being made find either none or a whole one."""
    for attempt in range(20):
        path = tmp_path / str(attempt) / "journal.sqlite"
        failed: list[BaseException] = []

        def work(number: int, path: Path = path, failed: list[BaseException] = failed) -> None:
            try:
                for _ in range(20):
                    Journal(path).changes()
                    Journal(path).head()
                append(Journal(path), number)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        append(Journal(path), 9)
        for thread in threads:
            thread.join()
        assert not failed
        assert is_chain(Journal(path).changes())
        assert len(Journal(path).changes()) == 5


# no room, no right


def refuses_to_write(kept: Journal) -> None:
    """Accepting fails with an error that names the journal and what to do."""
    with pytest.raises(JournalUnusable, match="MSKGRAPH_HOME") as caught:
        append(kept, 99)
    assert str(kept.path) in str(caught.value)
    assert caught.value.path == kept.path
    assert "Nothing was changed" in str(caught.value)


def test_a_file_in_place_of_the_folder_is_told(home: Path) -> None:
    home.write_text("a file")
    refuses_to_write(Journal())
    assert Journal().changes() == []
    assert home.read_text() == "a file"


def test_a_folder_in_place_of_the_journal_is_told(home: Path) -> None:
    (home / "journal.sqlite").mkdir(parents=True)
    refuses_to_write(Journal())
    with pytest.raises(MskGraphError, match="journal"):
        Journal().changes()
    with pytest.raises(MskGraphError, match="journal"):
        Journal().head()


def test_a_place_where_nobody_can_write_is_told() -> None:
    refuses_to_write(Journal(Path("/proc/mskgraph/journal.sqlite")))
    refuses_to_write(Journal(Path("/proc/self/journal.sqlite")))


def test_a_journal_in_a_folder_that_is_read_only_can_be_read() -> None:
    with folder_for_anybody() as folder:
        kept = Journal(folder / "home" / "journal.sqlite")
        made = grown(kept.path, 2)
        kept.path.chmod(0o444)
        kept.path.parent.chmod(0o555)
        with as_anybody():
            refuses_to_write(kept)
            assert kept.changes() == made
            assert kept.head() == made[-1].hash
        kept.path.parent.chmod(0o755)
        kept.path.chmod(0o644)
        assert append(kept, 3).number == 3


def test_a_folder_that_cannot_be_made_is_told() -> None:
    with folder_for_anybody() as folder:
        folder.chmod(0o555)
        with as_anybody():
            refuses_to_write(Journal(folder / "home" / "journal.sqlite"))


def test_a_journal_that_may_not_be_read_is_told_and_not_taken_for_none() -> None:
    with folder_for_anybody() as folder:
        kept = Journal(folder / "home" / "journal.sqlite")
        grown(kept.path, 2)
        for locked in (kept.path, kept.path.parent):
            locked.chmod(0)
            with as_anybody():
                refuses_to_write(kept)
                for ask in (kept.head, kept.changes):
                    with pytest.raises(JournalUnusable, match="journal"):
                        ask()
            locked.chmod(0o755)


def test_a_full_disk_is_told_and_loses_nothing() -> None:
    kept = Journal()
    command = [sys.executable, "-m", "tests.journal_writers", "write", str(kept.path), str(96 * 1024)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    *accepted, end = done.stdout.splitlines()
    assert "JournalUnusable" in end, done.stdout[-500:]
    assert len(accepted) > 20
    assert [change.hash for change in kept.changes()] == accepted
    assert append(kept, 1).number == len(accepted) + 1


def test_a_change_that_is_larger_than_the_room_left_is_not_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Journal()
    made = grown(kept.path, 2)
    connect = sqlite3.connect

    def in_little_room(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count = 12")
        return database

    large = Patch(frozenset(f"<urn:s:{number}> <urn:p> <urn:o> ." for number in range(5_000)))
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", in_little_room)
        with pytest.raises(JournalUnusable, match="full"):
            append(kept, 3, patch=large)
        assert kept.changes() == made
        made.append(append(kept, 3))
    made.append(append(kept, 4, patch=large))
    assert kept.changes() == made


# damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Change]]:
    """A journal of some pages, to be copied and spoilt."""
    path = tmp_path_factory.mktemp("sound") / "journal.sqlite"
    made = grown(path, 25)
    made.append(append(Journal(path), 26, patch=Patch(frozenset(f"<urn:l:{n}> <urn:p> <urn:o> ." for n in range(300)))))
    made += [append(Journal(path), number) for number in range(27, 33)]
    assert is_chain(made)
    return path, made


def told_of(kept: Journal, made: list[Change]) -> int | None:
    """How many changes a damaged journal says are intact, ``None`` if all are; checks that these are the first ones."""
    damaged = None
    try:
        found = kept.changes()
    except JournalDamaged as error:
        damaged = error
    if damaged is None:
        assert found == made
        return None
    assert damaged.path == kept.path
    assert str(kept.path) in str(damaged)
    assert "repair" in str(damaged)
    assert list(damaged.changes) == made[: damaged.intact]
    return damaged.intact


def holds_after_damage(kept: Journal, made: list[Change]) -> int | None:
    """What is read is what was accepted, whatever was done to the file, or damage is told and repair keeps the rest."""
    intact = told_of(kept, made)
    try:
        head = kept.head()
    except JournalDamaged:
        assert intact is not None
    else:
        assert intact is not None or head == made[-1].hash
    if intact is None:
        # Damage may be in what only writing needs; then it is told when writing, and mended.
        try:
            append(kept, 99)
        except (JournalDamaged, ProposalsDamaged):
            intact = told_of(kept, made)
            kept.repair()
            assert kept.changes() == made[:intact]
            append(kept, 99)
        assert kept.changes()[:-1] == made[:intact]
        return None
    spoilt = kept.path.read_bytes()
    aside = kept.repair()
    assert aside.read_bytes() == spoilt
    assert kept.changes() == made[:intact]
    assert kept.head() == (made[intact - 1].hash if intact else "")
    assert append(kept, 99).number == intact + 1
    assert kept.changes()[:-1] == made[:intact]
    return intact


def spoilt(sound: tuple[Path, list[Change]], folder: Path, content: bytes) -> Journal:
    """A copy of the journal, and of all that lies beside it, with another content."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound[0].parent, folder)
    kept = Journal(folder / "journal.sqlite")
    kept.path.write_bytes(content)
    return kept


def test_any_range_overwritten_is_told_or_does_no_harm(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    path, made = sound
    content = path.read_bytes()
    chance = random.Random(6)
    told = 0
    for start in range(0, len(content), 128):
        noise = chance.randbytes(128)
        changed = content[:start] + noise + content[start + 128 :]
        told += holds_after_damage(spoilt(sound, tmp_path / "spoilt", changed), made) is not None
    assert told > len(content) // 128 // 4


def test_zeros_in_place_of_any_page_are_told_or_do_no_harm(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    path, made = sound
    content = path.read_bytes()
    for start in range(0, len(content), 4096):
        changed = content[:start] + bytes(4096) + content[start + 4096 :]
        holds_after_damage(spoilt(sound, tmp_path / "spoilt", changed), made)


def test_every_bit_of_a_change_counts(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    """One bit flipped anywhere in the text of one change: what comes before it is intact, and nothing else is."""
    path, made = sound
    content = path.read_bytes()
    author = content.index(b"author 12")
    last = content.index(made[11].hash.encode(), author) + len(made[11].hash)
    for place in range(author, last):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        kept = spoilt(sound, tmp_path / "spoilt", bytes(changed))
        assert told_of(kept, made) == 11, (place - author, bytes(changed[author:last]))


def test_a_journal_cut_anywhere_is_told(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    path, made = sound
    content = path.read_bytes()
    lengths = {0, 1, 15, 16, 99, 100, 4095, 4096, *range(0, len(content), 331), *range(4096, len(content), 4096)}
    harmless = []
    for length in sorted(lengths):
        kept = spoilt(sound, tmp_path / "spoilt", content[:length])
        if holds_after_damage(kept, made) is None:
            harmless.append(length)
    assert not harmless


def tampered(sound: tuple[Path, list[Change]], folder: Path, *statements: str) -> Journal:
    """A copy in which somebody has taken the guards away and altered rows."""
    kept = spoilt(sound, folder / "spoilt", sound[0].read_bytes())
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as database:
        for statement in ("DROP TRIGGER no_update", "DROP TRIGGER no_delete", *statements):
            database.execute(statement)
    return kept


@pytest.mark.parametrize(
    ("statement", "intact"),
    [
        ("UPDATE change SET author = 'somebody else' WHERE number = 5", 4),
        ("UPDATE change SET accepted_by = 'somebody else' WHERE number = 5", 4),
        ("UPDATE change SET proposal = 7 WHERE number = 5", 4),
        ("UPDATE change SET message = '' WHERE number = 1", 0),
        ("UPDATE change SET time = '2020-01-01T00:00:00.000+00:00' WHERE number = 32", 31),
        ("UPDATE change SET undoes = hash WHERE number = 7", 6),
        ("UPDATE change SET patch = replace(patch, 'first', 'third') WHERE number = 9", 8),
        ("UPDATE change SET patch = 'no patch' WHERE number = 9", 8),
        ("UPDATE change SET patch = patch || 'TC .' || char(10) WHERE number = 9", 8),
        ("UPDATE change SET hash = 'abc' WHERE number = 3", 2),
        ("UPDATE change SET hash = upper(hash) WHERE number = 3", 2),
        ("UPDATE change SET previous = 'abc' WHERE number = 3", 2),
        ("UPDATE change SET number = 99 WHERE number = 3", 2),
        ("UPDATE change SET number = 99 WHERE number = 32", 31),
        ("UPDATE change SET author = CAST(x'ff' AS TEXT) WHERE number = 4", 3),
        ("UPDATE change SET author = author || char(0) WHERE number = 4", 3),
        ("DELETE FROM change WHERE number = 1", 0),
        ("DELETE FROM change WHERE number = 10", 9),
        ("DELETE FROM change WHERE number = 32", 31),
        ("DELETE FROM change WHERE number > 12", 12),
        ("DELETE FROM change", 0),
        ("DROP TABLE change", 0),
        ("ALTER TABLE change RENAME TO changes", 0),
        ("ALTER TABLE change RENAME COLUMN patch TO diff", 0),
        ("INSERT INTO change VALUES (99, 'a', 'a', 't', 'm', '', 0, 'TX .', 'p', 'h')", 32),
        ("INSERT INTO change VALUES (0, 'a', 'a', 't', 'm', '', 0, 'TX .', '-', 'h')", 0),
        (
            "INSERT OR REPLACE INTO change SELECT 3, 'x', accepted_by, time, message, undoes, proposal, patch,"
            " previous, hash FROM change WHERE number = 3",
            2,
        ),
    ],
)
def test_rows_altered_are_told_and_those_before_are_kept(
    sound: tuple[Path, list[Change]], tmp_path: Path, statement: str, intact: int
) -> None:
    kept = tampered(sound, tmp_path, statement)
    assert holds_after_damage(kept, sound[1]) == intact


def test_changes_in_another_order_are_told(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    swap = [f"UPDATE change SET number = {new} WHERE number = {old}" for old, new in ((4, -1), (5, 4), (-1, 5))]
    assert holds_after_damage(tampered(sound, tmp_path, *swap), sound[1]) == 3


def test_a_change_forged_with_its_own_hash_right_breaks_the_chain(
    sound: tuple[Path, list[Change]], tmp_path: Path
) -> None:
    made = sound[1]
    forged = replace(made[3], author="somebody else")
    statement = f"UPDATE change SET author = 'somebody else', hash = '{forged.hash}' WHERE number = 4"
    kept = tampered(sound, tmp_path, statement)
    with pytest.raises(JournalDamaged):
        kept.changes()


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0", bytes(4096), b"\xff" * 9_000])
def test_a_file_that_is_no_journal_is_told(sound: tuple[Path, list[Change]], tmp_path: Path, content: bytes) -> None:
    assert holds_after_damage(spoilt(sound, tmp_path / "spoilt", content), sound[1]) == 0


def test_a_sound_journal_is_not_repaired() -> None:
    made = grown(Journal().path, 2)
    with pytest.raises(PatchInvalid, match="nothing to repair"):
        Journal().repair()
    assert Journal().changes() == made


def test_repairs_keep_every_damaged_journal(sound: tuple[Path, list[Change]], tmp_path: Path) -> None:
    kept = tampered(sound, tmp_path, "DELETE FROM change WHERE number = 20")
    first = kept.repair()
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as database:
        database.execute("DROP TRIGGER no_delete")
        database.execute("DELETE FROM change WHERE number = 10")
    second = kept.repair()
    assert first != second
    assert sorted(kept.path.parent.glob("*.sqlite")) == sorted([kept.path, first, second])
    assert kept.changes() == sound[1][:9]


def test_a_damaged_journal_is_told_by_whoever_opens_the_knowledge(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(small_ontology(tmp_path / "ontology")))
    for number in range(3):
        added(f'msk:gout skos:altLabel "name {number}"@en .')
    for number, spoilt_by in enumerate(
        [
            "DELETE FROM change",
            "DELETE FROM change WHERE number = 3",
            "UPDATE change SET author = 'x' WHERE number = 3",
            "DROP TABLE change",
        ]
    ):
        other = tmp_path / f"home {number}"
        shutil.copytree(home, other)
        monkeypatch.setenv("MSKGRAPH_HOME", str(other))
        with closing(sqlite3.connect(Journal().path, isolation_level=None)) as database:
            for statement in ("DROP TRIGGER no_delete", "DROP TRIGGER no_update", spoilt_by):
                database.execute(statement)
        with pytest.raises(JournalDamaged):
            KnowledgeGraph.open()


# kill -9


def killed(target: Callable[..., None], arguments: tuple[Any, ...], after: float) -> list[Any]:
    """Start a process, kill it some seconds after its first word, and return all that it said."""
    context = forks()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    said = []
    with closing(ours):
        if ours.poll(30):
            said.append(ours.recv())
        end = time.monotonic() + after
        while (left := end - time.monotonic()) > 0:
            if ours.poll(left):
                said.append(ours.recv())
        process.kill()
        process.join()
        try:
            while True:  # what it said before it died
                said.append(ours.recv())
        except (EOFError, OSError):
            pass
    process.close()
    return said


def test_nothing_acknowledged_is_lost_and_nothing_is_half_there_after_kill_9() -> None:
    """At two hundred moments, spread over what happens in an accept: before, in and after the writes to the disk."""
    kept, chance = Journal(), random.Random(9)
    acknowledged: list[str] = []
    for number in range(KILLS):
        before = kept.changes()
        said = killed(write_without_end, (kept.path, f"k{number}"), chance.uniform(0, 0.03))
        acknowledged += said
        changes = kept.changes()
        assert is_chain(changes)
        assert changes[: len(before)] == before
        new = changes[len(before) :]
        assert [change.hash for change in new][: len(said)] == said
        assert len(new) - len(said) in (0, 1)  # one may be on disk that there was no time to tell
        for place, change in enumerate(new, 1):
            assert change.patch == small_patch(f"k{number}", place)
    hashes = [change.hash for change in kept.changes()]
    assert [found for found in hashes if found in set(acknowledged)] == acknowledged
    assert len(acknowledged) > KILLS
    append(kept, 1)


def test_kill_9_while_the_journal_is_being_made_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    context, chance = forks(), random.Random(10)
    for number in range(15):
        kept = Journal(tmp_path / str(number) / "journal.sqlite")
        kept.path.parent.mkdir()
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=write_without_end, args=(kept.path, "new", theirs), daemon=True)
        process.start()
        theirs.close()
        deadline = time.monotonic() + 30
        while not any(kept.path.parent.iterdir()) and time.monotonic() < deadline:
            pass
        time.sleep(chance.uniform(0, 0.01))
        process.kill()
        process.join()
        process.close()
        ours.close()
        assert kept.head() == ([change.hash for change in kept.changes()] or [""])[-1]
        assert is_chain(kept.changes())
        append(kept, 1)


def test_the_knowledge_equals_the_accepted_prefix_after_kill_9(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ontology = small_ontology(tmp_path / "ontology")
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(ontology))
    settings = {"MSKGRAPH_HOME": str(home), "MSKGRAPH_ONTOLOGY": str(ontology), "MSKGRAPH_STORE": ""}
    start, chance = statements(), random.Random(11)
    acknowledged: list[tuple[str, str]] = []
    for number in range(20):
        acknowledged += killed(accept_without_end, (settings, f"kill {number}"), chance.uniform(0, 0.5))
        changes = Journal().changes()
        assert is_chain(changes)
        hashes = [change.hash for change in changes]
        assert [found for found, _ in acknowledged] == [
            found for found in hashes if found in {given for given, _ in acknowledged}
        ]
        lines = {line for change in changes for line in change.patch.added}
        assert {line for _, line in acknowledged} <= lines
        assert len(changes) <= len(acknowledged) + number + 1
        kg = KnowledgeGraph.open()
        assert kg.revision == hashes[-1]
        assert statements() - start == lines
        assert start <= statements()
        asked = kg.query("SELECT ?name WHERE { msk:gout skos:altLabel ?name }")
        assert {text_of(line) for line in lines} == set(asked["name"])
