"""A recovery on a terminal: a few lines for one volume or VM, and the text below the table for several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from zvol.errors import Exit
from zvol.model import VM, Outcome, Result, Volume
from zvol.render import results as tables
from zvol.render.progress import seconds
from zvol.render.summaries import counted, short_name, total_size
from zvol.render.values import GOOD, NOTE, Described, Line, Table
from zvol.text import enumeration, escape_terminal, human_size
from zvol.vm_instance import VmInstance

NAMED: Final = 3
"""Maximum number of names in a sentence."""
TYPED: Final = 20
"""Maximum number of volumes in a command, if a shorter command means the same."""
PLAIN: Final = ("", "")


def names(texts: Sequence[str]) -> str:
    """Return names as an enumeration, such as `a, b, c and 12 more`."""
    return enumeration([short_name(text) for text in texts], NAMED)


# ---- one ---------------------------------------------------------------------------------------------------------
def has_block(results: Sequence[Result], known: Described) -> bool:
    """Tell whether the results are a single recovered volume or VM, which needs no table."""
    return len(results) == 1 and results[0].outcome.is_back and results[0].resource is not None and not known.dry_run


def block(result: Result, known: Described) -> Table[Result]:
    """Return the lines for a single volume or VM."""
    return Table([result], (), lambda _: None, lambda _: None, block=partial(_lines, known))


def _lines(known: Described, result: Result) -> Iterator[Line]:
    resource = result.resource
    assert resource is not None
    name = short_name(resource.name) or resource.uuid
    what = f"VM {name}" if isinstance(resource, VmInstance) else name
    took = f" in {seconds(known.took)}" if known.took is not None else ""
    good = result.exit is Exit.OK
    mark = ("✓ ", GOOD) if good else ("! ", NOTE)
    if result.outcome is Outcome.RECOVERED:
        yield mark, f"Recovered {what}{_facts(resource, known)}{took}"
    else:
        yield mark, f"{what} was already recovered{_facts(resource, known)}"
    if isinstance(resource, VmInstance):
        yield PLAIN, f"{resource.uuid} and its root volume are back."
    elif isinstance(resource, Volume):
        yield from _volume_lines(resource, known, explained=tables.names_attach(result))


def _volume_lines(volume: Volume, known: Described, *, explained: bool) -> Iterator[Line]:
    """Yield the state of a volume, and unless a warning has `explained` it, its last VM and how to attach it."""
    doubt = known.doubts.get(volume.uuid)
    start = f"{volume.uuid} is {escape_terminal(volume.status or 'of unknown status')}"
    on, last = volume.text("vmInstanceUuid"), volume.text("lastVmInstanceUuid")
    if on:
        yield PLAIN, f"{start} and attached to {known.vm(on)}{', which is Stopped' if on in known.stopped else ''}."
        return
    if explained:
        yield PLAIN, f"{start} and not attached."
        return
    if last:
        where = (
            f"; it was last on {known.vm(last)}" if not doubt else f"; the server remembers {known.vm(last)}: {doubt}"
        )
    else:
        where = f"; {doubt}" if doubt else "; it was never on a VM" if doubt is not None else ""
    yield PLAIN, f"{start} and not attached{where}."
    vm = "" if last and not doubt else f" {last}" if last else " VM"
    yield PLAIN, f"Attach it: {known.command} attach {known.typed(volume)}{vm}"


def attached_block(volume: Volume, vm: str, *, already: bool) -> Iterator[Line]:
    """Yield the line for a single attached volume."""
    name = short_name(volume.name) or volume.uuid
    yield ("✓ ", GOOD), f"{name} was already attached to {vm}" if already else f"Attached {name} to {vm}"


def _facts(resource: Volume | VmInstance | object, known: Described) -> str:
    """Return details that identify a volume or VM, in parentheses."""
    volume = resource.root if isinstance(resource, VmInstance) else resource
    facts = []
    if isinstance(resource, VmInstance) and (cpus := resource.number("cpuNum")) is not None:
        facts += [counted(cpus, "CPU"), human_size(resource.number("memorySize"))]
    if isinstance(volume, Volume):
        storage = volume.text("primaryStorageUuid")
        root = "root volume of " if volume is not resource else ""
        facts.append(f"{root}{human_size(volume.size)}" + (f" on {known.storage(storage)}" if storage else ""))
    return f" ({', '.join(facts)})" if facts else ""


# ---- several -----------------------------------------------------------------------------------------------------
def summary(results: Sequence[Result], exit: Exit, known: Described) -> str:
    """Return the number of results by outcome, and the exit code unless 0; for a dry run, that nothing was sent."""
    where = "In the sandbox: " if known.sandbox else ""
    if not results:
        return f"{where}nothing to do"
    code = f" (exit {int(exit)})" if exit is not Exit.OK else ""
    if not known.dry_run:
        return f"{where}{tables.summary(results)}{code}"
    would = [result for result in results if result.outcome is Outcome.WOULD_RECOVER]
    size = total_size([result.volume.size for result in would if result.volume is not None])
    noun = "volume" if all(result.volume is not None for result in would) else "target"
    others = Counter(result.outcome.value for result in results if result.outcome is not Outcome.WOULD_RECOVER)
    rest = "".join(f"; {count:,} {outcome}" for outcome, count in others.items())
    many = f"{counted(len(would), noun)}{f' ({size})' if size else ''}"
    return f"Dry run: {many} would be recovered{where and ' in the sandbox'}{rest}; nothing was sent{code}."


def attach_advice(results: Sequence[Result], known: Described) -> Iterator[str]:
    """Yield which VMs several recovered volumes are on, and how to attach the others to the VMs they were last on.

    Volumes on a VM that is among the results are left out, because sentences about that VM count them. Texts are not
    escaped.
    """
    back = [one.volume for one in results if one.outcome.is_back and one.volume is not None]
    own = {one.uuid for one in results if one.target == VM}
    on = [vm for volume in back if (vm := volume.text("vmInstanceUuid")) and vm not in own]
    if on:
        off = [known.vm_name(vm) for vm in dict.fromkeys(on) if vm in known.stopped]
        where = known.vm_name(on[0]) if len(set(on)) == 1 else _by_vm(on, known)
        state = f"; {names(off)} {'is' if len(off) == 1 else 'are'} Stopped" if off else ""
        yield f"{len(on):,} {'is' if len(on) == 1 else 'are'} attached to {where}{state}"
    loose = [volume for volume in back if not volume.text("vmInstanceUuid")]
    sure = [one for one in loose if known.doubts.get(one.uuid) == "" and one.text("lastVmInstanceUuid")]
    if not sure or any(one.unfinished or one.outcome is Outcome.UNKNOWN for one in results):
        return  # pending results are finished first
    where = _by_vm([volume.text("lastVmInstanceUuid") or "" for volume in sure], known)
    start = f"{len(loose):,} {'is' if len(loose) == 1 else 'are'} not attached; last on: {where}"
    by_run = all(one.outcome is Outcome.RECOVERED for one in results if one.volume in sure) and not own
    yield f"{start}. Attach with: {_attach_command(sure, known, known.run if by_run else None)}"


def _attach_command(volumes: Sequence[Volume], known: Described, run: str | None) -> str:
    """Return the complete command that attaches these volumes; `run` is their run in the journal, None for none."""
    if run is not None and len(volumes) > TYPED:
        return f"{known.command} runs {run} -o name | {known.command} attach -"
    two = len(volumes) == 2  # the second of two names could be a VM
    return " ".join([known.command, "attach", *(one.uuid if two else known.typed(one) for one in volumes)])


def _by_vm(vms: Sequence[str], known: Described) -> str:
    """Return the names of VMs with their numbers of volumes, such as `db-1 (8), web-1 (4)`."""
    counts = Counter(map(known.vm_name, vms)).most_common()
    return enumeration([f"{vm} ({count:,})" for vm, count in counts], NAMED)
