"""Writes every vector file anew: ``python tests/vectors/generate.py``."""

import sys
from pathlib import Path


def main() -> int:
    """Write the files in ``data`` and remove those that no recipe makes."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from vectors.loader import DATA_FOLDER, SUFFIX
    from vectors.recipes import make_all

    DATA_FOLDER.mkdir(exist_ok=True)
    texts = {f"{vector.name}{SUFFIX}": vector.render() for vector in make_all()}
    for stale in DATA_FOLDER.glob(f"*{SUFFIX}"):
        if stale.name not in texts:
            stale.unlink()
    for name, text in texts.items():
        (DATA_FOLDER / name).write_text(text, encoding="ascii")
    sys.stdout.write(f"{len(texts)} vectors in {DATA_FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
