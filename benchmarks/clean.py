"""`make bench-clean`: delete the databases that the benchmarks filled."""

import shutil

from benchmarks.databases import folder


def main() -> None:
    """Delete what `databases` made, and the folder when nothing else is in it."""
    root = folder()
    for made in (*root.glob("sqlite-*"), root / "postgres", root / "slots"):
        shutil.rmtree(made, ignore_errors=True)
    if not any(root.iterdir()):
        root.rmdir()


if __name__ == "__main__":
    main()
