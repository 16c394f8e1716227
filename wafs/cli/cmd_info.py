"""`wafs info`: what can be known of a vault without its password."""

import os
from datetime import UTC
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.screen import count_words, escape, say, size_words, time_words

if TYPE_CHECKING:
    from wafs.format.slot import Slot

_EXAMPLES = (
    Example("wafs info vault", "what kind of vault is this, and what opens it?"),
    Example("wafs info --json vault | jq -r .id", "the id of the vault, which also stands on its recovery key"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--size", "with_size", is_flag=True, help="Count the encrypted files and their size, too.")
def info(*, vault: str, as_json: bool, with_size: bool) -> None:
    """Show what VAULT tells without its password.

    Nothing of this is verified: that needs a key.
    """
    import json

    from wafs.format import FORMAT_VERSION
    from wafs.vault.header_file import read_headers
    from wafs.vault.lock import TREE_NAME

    files = read_headers(vault)
    header = files.headers[0]
    parameters = header.parameters
    facts: dict[str, object] = {
        "id": parameters.vault_id.hex(),
        "format": FORMAT_VERSION,
        "created": time_words(parameters.created, "%Y-%m-%dT%H:%M:%SZ", UTC),
        "chunk_size": parameters.chunk_size,
        "features": list(parameters.features),
        "slots": [_slot_facts(slot) for slot in header.slots],
        "header_copies_intact": files.intact,
    }
    measured = _measure(os.path.join(vault, TREE_NAME)) if with_size else None
    if measured is not None:
        facts["files"], facts["size"] = measured
    if as_json:
        say(json.dumps(facts))
        return
    say(f"vault       {escape(vault)}")
    say(f"id          {facts['id']}")
    say(f"format      {FORMAT_VERSION}")
    say(f"created     {facts['created']}")
    say(f"chunk size  {size_words(parameters.chunk_size)}")
    say(f"features    {escape(', '.join(parameters.features)) or 'none'}")
    for number, slot in enumerate(header.slots, 1):
        say(f"key slot {number}  {_slot_words(slot)}")
    whole = "both whole"
    if files.damaged:
        whole = "one is damaged or missing; the next opening for writing restores it"
    elif not files.intact:
        whole = "both whole, but they differ; wafs passwd makes them equal"
    say(f"header      two copies, {whole}")
    if measured is not None:
        count, size = measured
        say(f"size        {size_words(size)} in {count_words(count, 'encrypted file')}")


def _slot_facts(slot: "Slot") -> dict[str, object]:
    facts: dict[str, object] = {"type": slot.type, "label": slot.label}
    if slot.cost is not None:
        cost = slot.cost
        facts["kdf"] = {
            "name": "argon2id",
            "memory_kib": cost.memory_kib,
            "passes": cost.passes,
            "lanes": cost.lanes,
        }
    return facts


def _slot_words(slot: "Slot") -> str:
    words = escape(slot.type)
    if slot.label:
        words += f" ({escape(slot.label)})"
    if slot.cost is not None:
        memory = size_words(slot.cost.memory_kib * 1024)
        words += f", Argon2id with {memory}, {slot.cost.passes} passes, {slot.cost.lanes} lanes"
    return words


def _measure(tree: str) -> tuple[int, int]:
    """Return the number of files below a folder and the bytes in them.

    Raises: OSError.
    """
    count = size = 0
    folders = [tree]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_size
    return count, size
