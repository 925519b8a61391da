"""Everything that can go wrong, as one tree.

::

    MskGraphError
      OntologyNotFound      no ontology where it was looked for
      OntologyInvalid       files that cannot be loaded; carries the problems
      UnknownTerm           a word that names no concept; carries the nearest labels
      QueryError            a query the engine refuses; carries line and column where known
        AnswerNotAcceptable a query whose answer has another form than those asked for
      QueryStopped          a query that ran into its time, memory or size limit
      Busy                  too many queries at once; carries when to come again
      StoreError            a store that cannot be opened or reached
      PatchInvalid          a change that cannot be one; tells what is wrong with it
        PatchOutdated       a proposal of which a part does not fit any more; carries that part and what is left
      ChangeRefused         a change that would leave something wrong; carries the problems
      StaleRevision         a change made for a graph that has changed since; carries the later changes
      ValuesChanged         an edit of what somebody else has changed since; carries what is there now
      NodeInUse             a node that is not deleted or put out of use; carries what rests on it
      ProposalDecided       a proposal about which somebody has decided already; carries the proposal
      JournalUnusable       a journal of changes that cannot be read or written
      JournalDamaged        a journal that is not as it was written; carries what is intact
      ProposalsDamaged      a journal whose changes are intact, but not all else; carries what can be read
      AccessInvalid         a file of who may what that is not understood; nobody may then
      NotAllowed            somebody wants to do what they may not; tells what is missing
      DraftNotKept          what is filled in cannot be kept; tells why
      PortInUse             the port of the browser program is taken

Each carries data, and its text names the remedy, so that a page or the command line can show it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SHOWN = 20  # problems in a text


class MskGraphError(Exception):
    """Root of all errors that mskgraph raises on purpose."""


class OntologyNotFound(MskGraphError):
    """No ontology at any of the places tried.

    >>> str(OntologyNotFound([Path("a"), Path("b")]))
    'No ontology found. Looked for: a, b. Give a folder of Turtle files with MSKGRAPH_ONTOLOGY.'
    """

    def __init__(self, tried: Sequence[Path]) -> None:
        self.tried = tuple(tried)
        places = ", ".join(str(path) for path in self.tried)
        super().__init__(
            f"No ontology found. Looked for: {places}. Give a folder of Turtle files with MSKGRAPH_ONTOLOGY."
        )


class OntologyInvalid(MskGraphError):
    """Ontology files with problems that keep them from being used.

    :ivar problems: one text or problem object per fault, each naming file and remedy when printed

    >>> print(OntologyInvalid(["cases.ttl: line 3: bad IRI"]))
    The ontology has 1 problem:
    cases.ttl: line 3: bad IRI
    """

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"The ontology has {count} problem{'' if count == 1 else 's'}:"
        super().__init__("\n".join([head, *map(str, self.problems)]))


class UnknownTerm(MskGraphError):
    """A text that names no concept.

    :ivar text: what was asked for
    :ivar suggestions: labels that come nearest, best first

    >>> str(UnknownTerm("calcifcation", ["soft tissue calcification"]))
    'Nothing is called "calcifcation". Nearest: soft tissue calcification.'
    """

    def __init__(self, text: str, suggestions: Sequence[str] = ()) -> None:
        self.text = text
        self.suggestions = tuple(suggestions)
        nearest = f" Nearest: {', '.join(self.suggestions)}." if self.suggestions else ""
        super().__init__(f'Nothing is called "{text}".{nearest}')


class QueryError(MskGraphError):
    """A query that cannot be run as it is written.

    :ivar line: line of the fault, from 1, or ``None``
    :ivar column: column of the fault, from 1, or ``None``
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.line = line
        self.column = column
        super().__init__(message)


class AnswerNotAcceptable(QueryError):
    """A query whose answer is a graph where a table is asked for, or the other way round.

    :ivar form: what the answer is
    """

    def __init__(self, form: str) -> None:
        self.form = form
        super().__init__(f"The answer to this query is {form}; ask for a form that can hold it.")


class Busy(MskGraphError):
    """More queries at once than there is room for.

    :ivar retry_after: seconds after which it is worth to try again
    """

    def __init__(self, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__("Too many queries are running. Try again in a moment.")


class QueryStopped(MskGraphError):
    """A query that was stopped at a limit.

    :ivar limit: ``"time"``, ``"memory"`` or ``"size"``
    """

    def __init__(self, limit: str, message: str) -> None:
        self.limit = limit
        super().__init__(message)


class StoreError(MskGraphError):
    """A store that cannot be opened or reached.

    :ivar url: of the store
    :ivar reason: what is wrong, and what helps
    """

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The store {url or '(embedded)'} cannot be used: {reason}")


class PatchInvalid(MskGraphError, ValueError):
    """What is given is no change of the graph: it says what is wrong, and what helps."""


class ChangeRefused(MskGraphError):
    """A change that would leave something wrong.

    :ivar problems: one text or problem object per fault, each naming node and remedy when printed
    """

    def __init__(self, problems: Sequence[Any]) -> None:
        self.problems = tuple(problems)
        more = [f"... and {len(self.problems) - _SHOWN} more."] if len(self.problems) > _SHOWN else []
        super().__init__("\n".join(["The change is refused:", *map(str, self.problems[:_SHOWN]), *more]))


class PatchOutdated(PatchInvalid):
    """A proposal of which a part does not fit the knowledge any more.

    :ivar lost: that part, as a patch
    :ivar left: what there is still to do, as a patch
    """

    def __init__(self, lost: Any, left: Any, reasons: Sequence[str]) -> None:
        self.lost, self.left = lost, left
        more = [f"... and {len(reasons) - _SHOWN} more."] if len(reasons) > _SHOWN else []
        remedy = "Accept what is left of it, or reject it." if left else "Nothing is left of it: reject it."
        super().__init__("\n".join(["Part of it does not fit any more.", *reasons[:_SHOWN], *more, remedy]))


class StaleRevision(MskGraphError):
    """A change made for a graph that somebody else has changed since.

    :ivar base: hash of the last change that it knows; empty if it knows none
    :ivar head: hash of the last change there is
    :ivar changes: those after ``base``
    """

    def __init__(self, base: str, head: str, changes: Sequence[Any] = ()) -> None:
        self.base, self.head, self.changes = base, head, tuple(changes)
        named = [f"change {change.number} by {change.author}" for change in self.changes[-_SHOWN:]]
        by = f": {', '.join(named)}" if named else ""
        super().__init__(f"The knowledge has been changed since{by}. Look at the changes, and propose yours again.")


class ValuesChanged(MskGraphError):
    """An edit of properties that somebody else has changed since the form was filled in.

    :ivar node: its label
    :ivar now: by label of a property what it is now

    >>> str(ValuesChanged("gout", {"definition": ["Urate crystals."]}))
    'gout has been changed since: definition is now "Urate crystals.". Look at it, and go on from there.'
    """

    def __init__(self, node: str, now: Mapping[str, Sequence[str]]) -> None:
        self.node, self.now = node, now
        said = [f"{name} is now {', '.join(map(_quoted, values)) or 'empty'}" for name, values in now.items()]
        super().__init__(f"{node} has been changed since: {'; '.join(said)}. Look at it, and go on from there.")


def _quoted(text: str) -> str:
    return f'"{text}"'


class NodeInUse(MskGraphError):
    """A node that is not deleted or put out of use.

    :ivar impact: what rests on it
    """

    def __init__(self, label: str, wanted: str, reason: str, impact: Any) -> None:
        self.impact = impact
        super().__init__(f"{label} is not {wanted}: {reason}")


class ProposalDecided(MskGraphError):
    """A proposal about which somebody has decided already.

    :ivar proposal: with who did, when, and why
    """

    def __init__(self, proposal: Any) -> None:
        self.proposal = proposal
        why = f": {proposal.reason}" if proposal.reason else ""
        super().__init__(
            f"Proposal {proposal.number} was {proposal.state} by {proposal.decided_by} at {proposal.decided}{why}. "
            "Your decision changes nothing; propose anew what you want changed."
        )


class JournalUnusable(MskGraphError):
    """A journal of changes that cannot be read or written, by its path and the reason.

    >>> str(JournalUnusable(Path("journal.sqlite"), "database is locked"))
    'The journal journal.sqlite cannot be used: database is locked. Nothing was changed. Try again in a moment.'
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        remedy = next((remedy for word, remedy in _REMEDIES.items() if word in reason), _REMEDY)
        super().__init__(f"The journal {path} cannot be used: {reason}. Nothing was changed. {remedy}")


_REMEDY = "Make room and let it be written, or choose another folder with MSKGRAPH_HOME."
_REMEDIES = {
    "locked": "Try again in a moment.",
    # One that is being repaired, or may not be written; SQLite says the same of both.
    "readonly": "Try again, as it may have been repaired just now; if it stays so, let it be written, or choose "
    "another folder with MSKGRAPH_HOME.",
}
"""By what SQLite says of a journal, what helps."""


class JournalDamaged(MskGraphError):
    """A journal that is not as it was written.

    :ivar path: of the database
    :ivar intact: how many changes from the first on are as they were written
    :ivar changes: these
    """

    def __init__(self, path: Path, intact: int, changes: Sequence[object] = ()) -> None:
        self.path, self.intact, self.changes = path, intact, tuple(changes)
        super().__init__(
            f"The journal {path} is damaged after change {intact}: what follows is not as it was written. The first "
            f"{intact} changes are intact. Put back a copy, or keep these with: mskgraph history --repair"
        )


class AccessInvalid(MskGraphError):
    """A file of who may change the knowledge that is not understood.

    :ivar path: of the file
    :ivar key: what in it is wrong, such as ``"auth.client_id"``; empty if all of it
    :ivar reason: what is wrong with it

    >>> str(AccessInvalid(Path("access.toml"), "auth.client_id", "is missing"))
    'The settings in access.toml are not valid: auth.client_id is missing. Until that is put right nobody may edit.'
    """

    def __init__(self, path: Path, key: str, reason: str) -> None:
        self.path, self.key, self.reason = path, key, reason
        wrong = f"{key} {reason}".strip()
        super().__init__(f"The settings in {path} are not valid: {wrong}. Until that is put right nobody may edit.")


class NotAllowed(MskGraphError):
    """Somebody wants to do what they may not; the text says what is missing."""


class DraftNotKept(MskGraphError):
    """What somebody has filled in cannot be kept for later, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"What you type is not kept: {reason}. It is there as long as this tab is open.")


class ProposalsDamaged(MskGraphError):
    """A journal whose changes are intact, while its proposals, or what writing needs, are not as they were written.

    :ivar path: of the database
    :ivar proposals: those that can be read, by their numbers
    """

    def __init__(self, path: Path, proposals: Sequence[Any] = ()) -> None:
        self.path, self.proposals = path, tuple(proposals)
        super().__init__(
            f"The journal {path} is damaged beside its changes, which are intact. {len(self.proposals)} of its "
            "proposals can be read. Put back a copy, or keep these with: mskgraph history --repair"
        )


class PortInUse(MskGraphError):
    """The port of the browser program is taken by another program.

    >>> str(PortInUse(8501))
    'Port 8501 is in use by another program. Choose another: mskgraph app --port 8502'
    """

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"Port {port} is in use by another program. Choose another: mskgraph app --port {port + 1}")
