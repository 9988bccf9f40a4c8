"""Pictures of a report's page in light and dark, for the README.

scripts/screenshots.py REPORT/index.html OUT: writes OUT-light.png and OUT-dark.png, the top of the page, each below 300 kB.
Needs Chromium and Pillow.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/python"))

from browser import Browser, program

WIDTH, HEIGHT = 1180, 1560


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    if program() is None:
        print("screenshots.py: no chromium on this machine; Debian's package `chromium` has it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        for theme in ("light", "dark"):
            browser.open(options.page.resolve().as_uri(), width=WIDTH, height=HEIGHT, dark=theme == "dark")
            browser.wait("document.querySelector('#chart-figure2').dataset.drawn")
            browser.run("document.documentElement.style.scrollbarWidth = 'none'")
            path = options.out.with_name(f"{options.out.name}-{theme}.png")
            browser.screenshot(path)
            # Few colours: a palette is a third of the size and looks the same.
            Image.open(path).convert("RGB").quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
