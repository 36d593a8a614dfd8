"""Files that are downloaded and then run, at once or later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from msgspec.structs import astuple
from pydantic import BaseModel, Field

from alerts.redaction import beginning
from alerts.signal import Actor, Entity, Evidence
from detectors.commands.options import SHELLS
from detectors.contract import Match, Quiet, State
from detectors.parameters import written
from detectors.runtime.conditions import probe
from detectors.runtime.download_acts import COPY, FEED, GET, MARK, MOVE, PIPE, RUN, STREAM, UNPACK, Act, acts, carries
from detectors.runtime.download_familiar import FAMILIAR
from detectors.runtime.download_managers import language_manager_starts, package_manager_starts
from detectors.runtime.download_memory import TOGETHER, Download, Downloads, latest, shown
from detectors.runtime.download_paths import UNKNOWN
from detectors.runtime.entities import actor, entity
from detectors.selection import executes_besides
from detectors.stateful import Finding, Noted, Observation, Scope, Stateful
from detectors.windows import Span
from events import RuntimeEvent

_LINE = 1024
"""Characters of command lines that travel with an observation."""
_TYPED = frozenset({STREAM, FEED, MARK})


class DownloadParameters(BaseModel, frozen=True, extra="forbid"):
    """How long a download is remembered, and how many."""

    within: Span = Field(timedelta(days=1), description="From the download to the run.")
    remembered: int = Field(128, ge=1, le=1024, description="Downloads of one container or host; the oldest fall out.")


class DownloadThenRun(Stateful[RuntimeEvent, Downloads]):
    """Fires when a file is run that a download wrote before, in the same command line or within a span.

    The function gives what one execution does with files. Each finding is of one file, or of one source whose output
    an interpreter ran; a command line and the programs that it starts tell of the same.
    """

    state = State.TREE
    scope = Scope.CONTAINER
    form = Downloads
    parameters: DownloadParameters

    def observe(self, event: RuntimeEvent) -> Noted | Quiet:
        found: tuple[Act, ...] | Quiet = self.evaluate(event)
        if isinstance(found, Quiet):
            return found
        if excuse := self.excused(event):
            return excuse
        if language_manager_starts(event):
            found = tuple(act for act in found if act.kind == PIPE)
            if not found:
                return Quiet("not: a package manager of a language does it, but for running what it fetches unseen")
        shell = _shell(event)
        told = tuple((kind, _own(subject, shell), _own(target, shell)) for kind, subject, target in found)
        who = actor(event)
        person = (who.kind, beginning(who.name, _LINE), beginning(who.parent, _LINE), who.uid)
        return Noted(_place(event), (astuple(entity(event)), person, shell, told))

    @property
    def required(self) -> str:
        return f"a run of a file downloaded within {written(self.parameters.within)} before, or of what a fetch prints"

    def shown(self, told: Noted) -> list[str]:
        return [" ".join(filter(None, (kind, shown(subject), shown(target)))) for kind, subject, target in told.what[3]]

    def step(self, state: Downloads, observation: Observation) -> Iterator[Finding | Noted]:
        if state.files or state.printed or state.fed:
            state.forget(observation.time, self._span)
        for kind, subject, target in observation.what[3]:
            found = self._act(state, observation, kind, subject, target)
            if found is not None:
                yield found

    def expires(self, state: Downloads) -> int:
        return state.expires(self._span)

    @property
    def _span(self) -> int:
        return self.parameters.within // timedelta(microseconds=1)

    def _act(self, state: Downloads, observation: Observation, kind: str, subject: str, target: str) -> Finding | None:
        if kind == RUN:
            return _ran(state, observation, subject) if state.files else None
        most, evidence, shell = self.parameters.remembered, observation.evidence, observation.what[2]
        if kind == PIPE:
            return _piped(observation, subject, target, (evidence,))
        if kind in (COPY, MOVE):
            state.copied(subject, target, evidence, moved=kind == MOVE, most=most)
        elif kind == GET:
            name = state.known_as(shell, target, subject)
            state.fetched(target, Download(observation.time, subject, name, (evidence,)), most)
        elif kind == UNPACK:
            _unpacked(state, observation, subject, target, most)
        elif kind == STREAM:
            return _printed(state, observation, subject, target, most)
        elif kind == FEED:
            return _fed(state, observation, subject)
        elif kind == MARK and shell in state.printed and subject not in state.files:
            before = state.printed[shell]
            known = (*before.evidence, evidence)
            state.fetched(subject, Download(observation.time, before.source, shown(subject), known), most)
        return None


def _ran(state: Downloads, observation: Observation, path: str) -> Finding | None:
    download = state.ran(path)
    if download is None or download.told:
        return None
    download.told = True
    name = download.name if path in state.files else shown(path)
    because = f"{name} was downloaded from {download.source} and run"
    return _finding(observation, name, because, {"file": name, "source": download.source}, download.evidence)


def _piped(observation: Observation, source: str, program: str, evidence: tuple[Evidence, ...]) -> Finding:
    because = f"{program} ran what was fetched from {source}"
    return _finding(observation, source, because, {"source": source, "program": program}, evidence)


def _finding(
    observation: Observation, occurrence: str, because: str, fields: dict[str, str], before: tuple[Evidence, ...]
) -> Finding:
    about, (kind, name, parent, uid), _, _ = observation.what
    someone = Actor(kind, name, parent=parent, uid=uid)
    evidence = {one.event_id: one for one in (*before, observation.evidence)}
    return Finding(Match(Entity(*about), occurrence, because, fields, someone), tuple(evidence.values()))


def _unpacked(state: Downloads, observation: Observation, archive: str, folder: str, most: int) -> None:
    """An archive was unpacked that had been downloaded, or is fetched by the same line."""
    before = state.files.get(archive)
    if before is None and archive.startswith(("/", UNKNOWN)):
        return
    evidence = (*(before.evidence if before else ()), observation.evidence)
    source = before.source if before else archive
    download = Download(before.time if before else observation.time, source, shown(folder), evidence)
    state.fetched(f"{folder.rstrip('/')}/*", download, most)


def _printed(state: Downloads, observation: Observation, source: str, path: str, most: int) -> Finding | None:
    """Someone fetched something on a shell: into a pipe, or into a file of the same name."""
    shell, evidence = observation.what[2], observation.evidence
    latest(state.printed, shell)
    state.printed[shell] = Download(observation.time, source, source, (evidence,))
    if path and path not in state.files:
        state.fetched(path, Download(observation.time, source, shown(path), (evidence,)), most)
    fed = state.fed.pop(shell, None)
    return None if fed is None else _piped(observation, source, fed[1], (fed[2],))


def _fed(state: Downloads, observation: Observation, program: str) -> Finding | None:
    """Someone started an interpreter on a shell that runs its input."""
    shell, evidence = observation.what[2], observation.evidence
    before = state.printed.get(shell)
    if before is not None and observation.time - before.time <= TOGETHER:
        return _piped(observation, before.source, program, before.evidence)
    latest(state.fed, shell)
    state.fed[shell] = (observation.time, program, evidence)
    return None


def _place(event: RuntimeEvent) -> str:
    """The container, or the host as a whole: whatever session runs a file, it is the same file."""
    container = event.container
    if container is None:
        return f"{event.node}|files"
    return container.id or f"{container.namespace}/{container.pod}/{container.name}"


def _shell(event: RuntimeEvent) -> str:
    """Exec id of the shell whose text it is: its own, or that of what started it."""
    process = event.process
    own = process.exec_id if process.name in SHELLS and carries(process) else process.parent_exec_id
    return own or event.event_id


def _own(path: str, shell: str) -> str:
    """A path whose folder is not known, as one of this shell."""
    return f"{UNKNOWN}{shell}/{path.removeprefix(UNKNOWN)}" if path.startswith(UNKNOWN) else path


def _types(event: RuntimeEvent) -> bool:
    """Whether what started it is a shell in which someone types: it was given neither text nor a script."""
    parent = event.parent
    if parent is None or parent.name.lstrip("-") not in SHELLS or not event.process.parent_exec_id:
        return False
    return not carries(parent) and all(word[:1] in "-+" for word in parent.arguments.split(" ", 8)[:8])


def _detector(function: Callable[[RuntimeEvent, DownloadParameters], tuple[Act, ...] | Quiet]) -> DownloadThenRun:
    return DownloadThenRun(
        function,
        "K8S.NODE_DownloadAndRunCombo",
        executes_besides(FAMILIAR),
        (probe, package_manager_starts),
        DownloadParameters(),
        misses="A file that a compiled program or a script on disk fetches by itself, or that another container or the "
        "host runs; what a file names that is not shown (`wget -i`, `curl -K`); more downloads than are remembered in "
        "between; programs of base images replaced in place (`curl -o /usr/bin/ls`), and runs from folders of packages "
        "(/opt/cni/bin, /usr/lib/git-core); `. <(curl ...)` and `$(curl ...)` typed on a shell, and redirections and "
        "pipes of a script on disk, of which sensors show no text; what `xargs sh -c`, `at` or `crontab -` is fed; "
        "whole folders that are fetched (`wget -r`, `git clone`, `kubectl cp`); unpacked files under a name unlike the "
        "archive's in a shared folder; libraries that the loader is told of elsewhere (ld.so.preload, an exported "
        "LD_PRELOAD); what a package manager of the system starts, what one of a language fetches and runs in two "
        "steps, and what looks like a probe of the kubelet.",
        noise="CI jobs, image builds and entry points that download a tool and run it, installers "
        "(`curl https://sh.rustup.rs | sh`), and bootstrap scripts of nodes: they do exactly this.",
    )


@_detector
def download_and_run(event: RuntimeEvent, parameters: DownloadParameters) -> tuple[Act, ...] | Quiet:
    """Someone downloaded a file and then ran it.

    >>> fired(download_and_run, execution("/bin/sh", '-c "curl -fsSL http://h/x.sh | sudo bash -s -- -y"'))
    ['shop/0123456789ab']
    >>> fetch = execution("/usr/bin/wget", "-qP /opt http://h/tool", at=1)
    >>> moved = execution("/usr/bin/mv", "../opt/tool /srv/.t", cwd="/tmp", at=2)
    >>> fired(download_and_run, fetch, moved, execution("/srv/.t", at=7200))
    ['shop/0123456789ab']
    >>> fired(download_and_run, fetch, moved, execution("/opt/tool", at=7200), execution("/srv/t", at=7200))
    []
    >>> fired(download_and_run, execution("/bin/sh", '-c "curl -s http://h/x | python3 -m json.tool"'))
    []
    """
    found = acts(event.process)
    if found and any(act.kind in _TYPED for act in found) and not _types(event):
        found = tuple(act for act in found if act.kind not in _TYPED)
    return found or Quiet("a program that fetches, moves or runs a file", event.process.name)
