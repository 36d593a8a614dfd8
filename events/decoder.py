"""From bytes to events: which format a record has, and what an envelope holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec import Raw, structs

from events.audit import AuditEvent
from events.container_logs import bare
from events.formats import aks, aks_tables, azure_activity, eks, falco, gke, native, tetragon
from events.lenient import NULL, Members, Opened, elements_of, members_of, opened, text_of
from events.names import cluster_name
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.packed import GZIP, gunzip, unbase64
from events.repair import well_encoded

if TYPE_CHECKING:
    from events import Item

LARGEST = 1 << 20
ENVELOPE_ITEMS = 16
"""An envelope may be as long as this many items of the largest size, packed or not."""


class Format(NamedTuple):
    """How records of one format are recognised and decoded."""

    recognises: Callable[[Members], bool]
    decode: Callable[[bytes, str], Item]


Guess: TypeAlias = Callable[[bytes, str], "Item | None"]
GuessAll: TypeAlias = Callable[[bytes, str], "Sequence[Item] | None"]
_LOG = b'"log":'
_PREFIX = 6


def _azure(record: bytes, cluster: str) -> Item | None:
    return aks.guess(record, cluster) or azure_activity.guess(record, cluster)


def _azure_records(envelope: bytes, cluster: str) -> Sequence[Item] | None:
    """Of the logs that share an event hub, those of clusters have a `log`."""
    return aks.guess_all(envelope, cluster) if _LOG in envelope else azure_activity.guess_all(envelope, cluster)


_GUESSES: dict[bytes, Guess] = {
    b'{"anno': native.guess,
    b'{"apiV': native.guess,
    b'{"audi': native.guess,
    b'{"kind': native.guess,
    b'{"leve': native.guess,
    b'{"proc': tetragon.guess,
    b'{"rate': tetragon.guess,
    b'{"host': falco.guess,
    b'{"outp': falco.guess,
    b'{"inse': gke.guess,
    b'{"prot': gke.guess,
    b'{"Clou': _azure,
    b'{"Role': azure_activity.guess,
    b'{"cate': _azure,
    b'{"oper': _azure,
    b'{"prop': _azure,
    b'{"reso': _azure,
    b'{"time': _azure,
    b'{ "tim': _azure,
}
"""By the first bytes of a record: the format that it probably has. A wrong guess costs time, and no more."""
_ENVELOPES: dict[bytes, GuessAll] = {
    b'{"kind': native.guess_all,
    b'{"mess': eks.guess_all,
    b'{"reco': _azure_records,
}
"""The same for envelopes."""
_FIRST = (
    Format(native.recognises, native.decode),
    Format(aks.recognises, aks.decode),
    Format(tetragon.recognises, tetragon.decode),
)
_FORMATS = (
    *_FIRST,
    Format(falco.recognises, falco.decode),
    Format(gke.recognises, gke.decode),
    Format(aks_tables.recognises, aks_tables.decode),
    Format(azure_activity.recognises, azure_activity.decode),
)
"""The first that recognises a record has it; the first three are looked for before envelopes."""


class Decoder:
    """Turns lines of files and messages of topics into events, whatever formats are mixed in them.

    Parameters
    ----------
    cluster
        Name for events whose record does not say its cluster.
    largest
        Bytes that one record may have; an envelope, packed or not, may have ENVELOPE_ITEMS times as many.

    Examples
    --------
    >>> line = b'{"kind":"Event","verb":"get","stageTimestamp":"1970-01-01T00:00:01Z","objectRef":{"resource":"pods"}}'
    >>> [(event.cluster, event.verb, event.resource, event.time) for event in Decoder("Shop").decode(line)]
    [('shop', 'get', 'pods', 1000000)]
    """

    def __init__(self, cluster: str = "default", largest: int = LARGEST) -> None:
        self.cluster = cluster_name(cluster, "default")
        self.largest = largest

    def decode(self, data: bytes) -> Sequence[Item]:
        """The items of one line or message, in order; nothing raises, and only a blank line holds none."""
        if not data.isascii():
            if data.startswith(GZIP):
                return self._unpacked(data)
            data = well_encoded(data)
        if data[:1] != b"{":
            data = bare(data)
        guess = _GUESSES.get(data[:_PREFIX])
        if guess is not None and len(data) <= self.largest:
            item = guess(data, self.cluster)
            if item is not None:
                return (item,)
        return self._text(data)

    def _text(self, data: bytes, *, packed: bool = False) -> Sequence[Item]:
        data = data.strip()
        if not data:
            return ()
        if len(data) > self.largest * ENVELOPE_ITEMS:
            return (Malformed("too long", data[:HEAD_BYTES]),)
        guess_all = _ENVELOPES.get(data[:_PREFIX])
        if guess_all is not None and len(data) <= self.largest:
            items = guess_all(data, self.cluster)
            if items is not None:
                return items
        return self._opened(data, packed)

    def _opened(self, data: bytes, packed: bool) -> Sequence[Item]:
        document = opened(data)
        if isinstance(document, str):
            reason = "too long" if len(data) > self.largest else document
            return (Malformed(reason, data[:HEAD_BYTES]),)
        if isinstance(document.value, list):
            items = self._each(document.value)
        else:
            items = self._object(document, document.value, packed)
        return [_pruned(item) for item in items] if document.pruned else items

    def _object(self, document: Opened, members: Members, packed: bool) -> Sequence[Item]:
        if not any(known.recognises(members) for known in _FIRST):
            if not packed and (archive := members_of(members.get("awslogs"))) is not None:
                return self._archive(document.data, text_of(archive.get("data")))
            if not packed and "stream" in members and (printed := text_of(members.get("log"))):
                return self._text(printed.encode(), packed=True)
            if eks.recognises(members):
                return eks.decode(document.data, self.cluster, self.largest)
            for name in ("records", "items", "value"):
                if name in members and (elements := _listed(members[name])) is not None:
                    return self._each(elements)
        return (self._single(document.data, members),)

    def _each(self, records: list[Raw]) -> Sequence[Item]:
        return [self._record(bytes(record)) for record in records] or (Skipped("empty envelope"),)

    def _record(self, data: bytes) -> Item:
        """One record of an envelope; an envelope within an envelope is no format that we know."""
        if len(data) > self.largest:
            return Malformed("too long", data[:HEAD_BYTES])
        item = _GUESSES.get(data[:_PREFIX], _azure)(data, self.cluster)
        if item is not None:
            return item
        document = opened(data)
        if isinstance(document, str):
            return Malformed(document, data[:HEAD_BYTES])
        if isinstance(document.value, list):
            return Malformed("unknown format", data[:HEAD_BYTES])
        item = self._single(document.data, document.value)
        return _pruned(item) if document.pruned else item

    def _single(self, data: bytes, members: Members) -> Item:
        if len(data) > self.largest:
            return Malformed("too long", data[:HEAD_BYTES])
        for known in _FORMATS:
            if known.recognises(members):
                return known.decode(data, self.cluster)
        return Malformed("unknown format", data[:HEAD_BYTES])

    def _archive(self, data: bytes, text: str) -> Sequence[Item]:
        """What AWS Lambda is handed: base64 of a packed payload."""
        content = unbase64(text)
        if isinstance(content, str):
            return (Malformed(content, data[:HEAD_BYTES]),)
        return self._unpacked(content)

    def _unpacked(self, data: bytes) -> Sequence[Item]:
        content = gunzip(data, self.largest * ENVELOPE_ITEMS)
        if isinstance(content, str):
            return (Malformed(content, data[:HEAD_BYTES]),)
        return self._text(well_encoded(content), packed=True)


def _listed(raw: Raw) -> list[Raw] | None:
    """The elements of a list; null is a list without any, for that is how Go writes one."""
    return [] if raw == NULL else elements_of(raw)


def _pruned(item: Item) -> Item:
    return structs.replace(item, truncated=True) if isinstance(item, AuditEvent) else item
