"""Recipes: an independent writer of the format, and the scenarios of all vectors."""

from vectors.loader import Vector
from vectors.recipes import (
    deflated_targets,
    directories,
    encodings,
    file_chunks,
    file_states,
    header_slots,
    headers,
    journals,
    key_stores,
    long_names,
    names,
    nodes,
    recovery_texts,
    slots,
)

MODULES = (
    deflated_targets,
    directories,
    encodings,
    file_chunks,
    file_states,
    header_slots,
    headers,
    journals,
    key_stores,
    long_names,
    names,
    nodes,
    recovery_texts,
    slots,
)


def make_all() -> list[Vector]:
    """Make every vector, in the order of their names.

    Raises:
        ValueError: two vectors have one name.
    """
    vectors = sorted(
        (vector for module in MODULES for vector in module.vectors()),
        key=lambda vector: vector.name,
    )
    names_seen = [vector.name for vector in vectors]
    twice = {name for name in names_seen if names_seen.count(name) > 1}
    if twice:
        message = f"vectors with the same name: {sorted(twice)}"
        raise ValueError(message)
    return vectors
