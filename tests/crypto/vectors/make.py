"""Makes the frozen answers of a release: `python -m tests.crypto.vectors.make 0.1`. Never makes them again.

A file that exists is what stored data looks like. When the test of it fails, the code is wrong, not the file.
"""

import base64
import json
import sys
from pathlib import Path

from tests.crypto.answers import answers
from tests.crypto.pairs import PAIRS
from tests.crypto.places import here

FOLDER = Path(__file__).parent


def main(release: str) -> None:
    locks = {pair.seal: base64.b64encode(pair.locking(here())).decode() for pair in PAIRS}
    frozen = {"release": release, "locks": locks, "answers": answers()}
    with (FOLDER / f"{release}.json").open("x") as file:  # "x" refuses to overwrite
        json.dump(frozen, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
