#!/usr/bin/env python3
"""Turns the drawings in art/*.txt into C arrays of Game Boy tiles.

A sheet file starts with `sheet NAME kind=bg|obj base=N [with=FILE]` and holds drawings:

    [pot mirror]        a name, then flags; `mirror` draws the right half from the left
    ..##                one character per pixel

`.` `-` `+` `#` are shades 0..3, `_` is clear (the floor, or nothing at all for objects), `=` keeps the pixel of the
drawing named by `like=`, which `at=X,Y` overlays. `[sheet glyphs=ABC]` and `[sheet names=a,b]` cut a strip into
8-pixel columns; `tall` doubles its rows and `invert` swaps ink and paper.

Background tiles go row by row; object tiles go in the pairs that 8x16 objects want: down first, then right.
"""

import sys
from pathlib import Path

SHADES = ".-+#"
CLEAR = "_"
OBJECT_COLOURS = {CLEAR: 0, ".": 1, "+": 2, "#": 3}


class ArtError(Exception):
    """A drawing that cannot be read, with file, name and reason."""


def read_blocks(path):
    """Yields (header words, rows) for each drawing, the sheet line first."""
    header, rows = None, []
    for line in path.read_text().splitlines():
        line = line.rstrip()
        if line.startswith("sheet "):
            yield ["sheet!", *line.split()[1:]], []
        elif line.startswith("["):
            if header:
                yield header, rows
            header, rows = line.strip("[]").split(), []
        elif line and header and not line.startswith("# "):
            rows.append(line)
    if header:
        yield header, rows


def options(words):
    return dict(word.split("=", 1) if "=" in word else (word, True) for word in words)


def widen(path, name, rows, opts, drawings):
    """The finished pixel rows of one drawing."""
    if opts.get("invert"):
        rows = [row.translate(str.maketrans(".#", "#.")) for row in rows]
    if opts.get("tall"):
        rows = [row for row in rows for _ in range(2)]
    if opts.get("mirror"):
        rows = [row + row[::-1] for row in rows]
    if "like" in opts:
        left, top = map(int, opts["at"].split(","))
        canvas = [list(row) for row in drawings[opts["like"]]]
        for y, row in enumerate(rows):
            for x, char in enumerate(row):
                if char != "=":
                    canvas[top + y][left + x] = char
        rows = ["".join(row) for row in canvas]
    for y, row in enumerate(rows):
        if len(row) != len(rows[0]) or set(row) - set(SHADES + CLEAR):
            raise ArtError(f"{path.name}: [{name}] row {y} is {row!r}, expected {len(rows[0])} of {SHADES + CLEAR}")
    if len(rows) % 8 or len(rows[0]) % 8:
        raise ArtError(f"{path.name}: [{name}] is {len(rows[0])}x{len(rows)}, expected multiples of 8")
    return rows


def read_drawings(path):
    """(sheet options, {name: rows}) of one file."""
    sheet, drawings = {}, {}
    for header, rows in read_blocks(path):
        if header[0] == "sheet!":
            sheet = {"name": header[1], **options(header[2:])}
            continue
        opts = options(header[1:])
        if header[0] != "sheet":
            drawings[header[0]] = widen(path, header[0], rows, opts, drawings)
            continue
        glyphs = [f"glyph_{ord(char):02x}" for char in opts.get("glyphs", "")]
        names = glyphs or opts["names"].split(",")
        strip = widen(path, names[0], rows, opts, drawings)
        for i, name in enumerate(names):
            drawings[name] = [row[8 * i : 8 * i + 8] for row in strip]
    return sheet, drawings


def on_floor(rows, floor):
    """Lets the floor show through the clear pixels."""
    return [
        "".join(floor[y % 16][x % 16] if c == CLEAR else c for x, c in enumerate(row)) for y, row in enumerate(rows)
    ]


def tile_bytes(rows, left, top, colour):
    """The 16 bytes of one 8x8 tile."""
    out = []
    for y in range(top, top + 8):
        pixels = [colour[rows[y][x]] for x in range(left, left + 8)]
        for plane in (0, 1):
            out.append(sum((p >> plane & 1) << 7 - i for i, p in enumerate(pixels)))
    return out


def cut(path, name, rows, kind):
    """All tiles of a drawing, in the order the screen wants them."""
    if kind == "obj":
        if len(rows) == 8:
            rows = rows + [CLEAR * len(rows[0])] * 8
        used = set("".join(rows)) - set(OBJECT_COLOURS)
        if used:
            raise ArtError(f"{path.name}: [{name}] uses {used}, objects have only {list(OBJECT_COLOURS)}")
        corners = [(x, y + half) for y in range(0, len(rows), 16) for x in range(0, len(rows[0]), 8) for half in (0, 8)]
        colour = OBJECT_COLOURS
    else:
        corners = [(x, y) for y in range(0, len(rows), 8) for x in range(0, len(rows[0]), 8)]
        colour = {char: shade for shade, char in enumerate(SHADES)}
    return [tile_bytes(rows, x, y, colour) for x, y in corners]


def convert(path):
    """(array name, {drawing: first tile}, tiles) of a sheet file."""
    sheet, drawings = read_drawings(path)
    if "with" in sheet:
        floor = drawings["floor"]
        drawings.update(read_drawings(path.parent / sheet["with"])[1])
        drawings = {name: on_floor(rows, floor) for name, rows in drawings.items()}
    first, tiles = {}, []
    for name, rows in drawings.items():
        first[name] = int(sheet["base"]) + len(tiles)
        tiles += cut(path, name, rows, sheet["kind"])
    return sheet, first, tiles


def main(art, out):
    numbers, header, source = {}, [], []
    for path in sorted(Path(art).glob("*.txt")):
        if not path.read_text().split("sheet ", 1)[1:]:
            continue
        sheet, first, tiles = convert(path)
        name, prefix = sheet["name"], sheet["kind"].upper()
        if sheet["kind"] == "obj" and int(sheet["base"]) % 2:
            raise ArtError(f"{path.name}: base {sheet['base']} of an object sheet must be even")
        for drawing, tile in first.items():
            key = f"{prefix}_{drawing.upper()}"
            if numbers.setdefault(key, tile) != tile:
                raise ArtError(f"{path.name}: [{drawing}] is tile {tile}, but {numbers[key]} in another sheet")
        header.append(f"extern const uint8_t {name}[{16 * len(tiles)}];")
        header.append(f"#define {name.upper()}_BASE {sheet['base']}")
        header.append(f"#define {name.upper()}_TILES {len(tiles)}")
        source.append(f"const uint8_t {name}[{16 * len(tiles)}] = {{")
        source += ["    " + ", ".join(f"0x{b:02x}" for b in tile) + "," for tile in tiles]
        source.append("};\n")
    header += [f"#define {key} {tile}" for key, tile in numbers.items()]
    out = Path(out)
    out.mkdir(exist_ok=True)
    note = "// Generated from art/*.txt by tools/tiles.py."
    (out / "gfx.h").write_text("\n".join([note, "#pragma once", "#include <stdint.h>", *header, ""]))
    (out / "gfx.c").write_text("\n".join([note, '#include "gfx.h"', "", *source]))


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except ArtError as error:
        sys.exit(f"tiles: {error}")
