"""Make the pictures of the documentation, from the source and from what commands print.

    python screenshots/make.py
    python screenshots/make.py 02-models-code 11-progress

With names, only these are made. Needs requirements-dev.txt, Chromium and the DejaVu fonts.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from PIL import Image, ImageChops
from rich.console import Console
from rich.syntax import Syntax
from rich.terminal_theme import TerminalTheme
from rich.text import Text

import contents
import scratch

# As wide as GitHub shows a README, and higher than any picture: what is empty is cut off.
SIZE = "830,4000"
SCALE = 2
COLOURS = 64
TRANSPARENT = (0, 0, 0, 0)
RECORDS = 300000
FONTS = Path("/usr/share/fonts/truetype/dejavu")
# With only the fonts of fonts-dejavu-core in sight, pictures look the same on every machine.
FONTS_CONF = f"""<fontconfig><dir>{FONTS}</dir>
<selectfont><rejectfont><glob>*Condensed*</glob><glob>*ExtraLight*</glob><glob>*Oblique*</glob>
</rejectfont></selectfont>
<match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
</fontconfig>"""
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body { margin: 0; }
section { background: #0d1117; color: #e6edf3; border: 1px solid #3d444d; border-radius: 8px; }
section + section { margin-top: 12px; }
/* Characters of 7.5 pixels are drawn alike wherever they stand, which makes small files. */
h1, pre { font: 12.4574px/18px "DejaVu Sans Mono", monospace; }
h1 { margin: 0; padding: 8px 14px; border-bottom: 1px solid #3d444d; color: #9198a1; }
pre { margin: 0; padding: 10px 14px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
p { margin: 0 0 0 6ch; text-indent: -6ch; min-height: 18px; }
</style>"""
CODE_THEME = "github-dark"
# Its colours for what a terminal calls black, red, green, yellow, blue, magenta, cyan and white.
ANSI = "484f58 ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4"
BACKGROUND, FOREGROUND, *ANSI = map(tuple, map(bytes.fromhex, f"0d1117 e6edf3 {ANSI}".split()))
TERMINAL_THEME = TerminalTheme(BACKGROUND, FOREGROUND, ANSI)
NO_BREAK_SPACE = "\u00a0"
GAP = "<div>    \u22ee</div>"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(contents.PICTURES))
    names = set(parser.parse_args().names or contents.PICTURES)
    unknown = sorted(names.difference(contents.PICTURES))
    if unknown:
        parser.error(f"no such picture: {', '.join(unknown)}")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not (chromium and FONTS.is_dir()):
        return "Chromium or its fonts are missing. Run: apt-get install chromium fonts-dejavu-core"
    with scratch.project() as project:
        for name, address, text in pages(project):
            if name in names:
                photograph(chromium, address, contents.path(name))
                contents.store_digest(name, text)
                size = contents.path(name).stat().st_size
                sys.stdout.write(f"{contents.path(name).name}: {size // 1000} kB\n")
                names.remove(name)
            if not names:
                break


def pages(project):
    """Yield each picture's name, the address of the page to take it of, and the text it shows."""
    page = project.folder / "page.html"

    def written(*windows):
        page.write_text(PAGE + "".join(windows), encoding="utf-8")
        return page.as_uri()

    for name, files in contents.CODE.items():
        yield name, written(*map(code_window, files.items())), contents.code_text(name)
    for name, printed in project.run_all(contents.COMMANDS).items():
        command = contents.COMMANDS[name]
        text = contents.command_text(command, printed)
        yield name, written(terminal_window(command, printed)), text
    project.add_admin()
    with project.server() as address:
        yield contents.ADMIN, address + contents.ORDERS, project.admin_list(contents.ORDERS)
    drawn = project.progress(contents.LOAD_FILES, RECORDS)
    # Orders are loaded in the second half, since they wait for their users and products.
    bars = terminal_window(contents.LOAD_FILES, drawn[len(drawn) * 2 // 3])
    yield contents.PROGRESS, written(bars), contents.progress_text(drawn)


def code_window(file):
    path, parts = file
    source = (contents.ROOT / path).read_text(encoding="utf-8")
    how = {"theme": CODE_THEME, "background_color": "default", "line_numbers": True}
    ranges = contents.line_ranges(path, parts)
    excerpts = [Syntax(source, "python", line_range=lines, **how) for lines in ranges]
    return window(path, GAP.join(map(html, excerpts)))


def terminal_window(command, printed):
    prompt = Text.assemble(("$ ", "bold green"), (f"python manage.py {command}", "bold"))
    # Long lines are broken after a comma, if they have one.
    lines = Text.from_ansi(re.sub("(?<!,) ", NO_BREAK_SPACE, printed.rstrip())).split("\n")
    return window("Terminal", "".join(f"<p>{html(line)}</p>" for line in (prompt, *lines)))


def window(title, shown):
    return f"<section><h1>{escape(title)}</h1><pre>{shown}</pre></section>"


def html(shown):
    console = Console(record=True, file=io.StringIO(), width=scratch.COLUMNS, highlight=False)
    console.print(shown, soft_wrap=isinstance(shown, Text))
    return console.export_html(theme=TERMINAL_THEME, inline_styles=True, code_format="{code}")


def photograph(chromium, address, picture):
    """Save what Chromium shows of a page, down to the last thing on it."""
    with tempfile.TemporaryDirectory() as folder:
        fonts, shot = Path(folder, "fonts.conf"), Path(folder, "shot.png")
        fonts.write_text(FONTS_CONF)
        subprocess.run(
            [
                *(chromium, "--headless", "--hide-scrollbars", f"--user-data-dir={folder}/profile"),
                # Its sandbox does not work in containers, and all pages are our own.
                "--no-sandbox",
                "--default-background-color=00000000",
                f"--force-device-scale-factor={SCALE}",
                f"--window-size={SIZE}",
                f"--screenshot={shot}",
                address,
            ],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
            check=True,
            timeout=120,
            stderr=subprocess.DEVNULL,
        )
        image = Image.open(shot).convert("RGBA")
    background = image.getpixel((image.width - 1, image.height - 1))
    empty = Image.new("RGBA", image.size, background)
    bottom = ImageChops.difference(image, empty).getbbox(alpha_only=False)[3]
    margin = 0 if background == TRANSPARENT else 20 * SCALE
    image = image.crop((0, 0, image.width, bottom + margin))
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
