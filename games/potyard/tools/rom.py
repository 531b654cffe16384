#!/usr/bin/env python3
"""Makes the 32 KB cartridge image from the linker's Intel HEX file: header fields, checksums, nothing else.

The logo area stays zero: the picture that belongs there is not ours to ship, and no emulator needs it to start a game.
"""

import sys
from pathlib import Path

SIZE = 0x8000
TITLE = b"POT YARD"


def read_hex(path):
    """The 32 KB image an Intel HEX file describes; 0xFF where it says nothing."""
    image = bytearray(b"\xff" * SIZE)
    written, end = bytearray(SIZE), 0
    for number, line in enumerate(Path(path).read_text().split(), 1):
        record = bytes.fromhex(line[1:])
        if sum(record) & 0xFF:
            sys.exit(f"rom: {path}:{number}: checksum is wrong")
        count, address, kind = record[0], record[1] << 8 | record[2], record[3]
        if kind == 0:
            if address + count > SIZE:
                sys.exit(f"rom: {path}:{number}: data at {address:#06x} is beyond the cartridge's 32 KB")
            if any(written[address : address + count]):
                sys.exit(f"rom: {path}:{number}: {address:#06x} is written twice: two areas overlap")
            written[address : address + count] = b"\1" * count
            image[address : address + count] = record[4 : 4 + count]
            end = max(end, address + count)
    return image, end


def write_header(image):
    """Title, ROM only, 32 KB, no RAM; then the two checksums (Pan Docs, The Cartridge Header)."""
    image[0x104:0x150] = bytes(0x4C)
    image[0x134 : 0x134 + len(TITLE)] = TITLE
    image[0x14A] = 0x01  # sold outside Japan
    image[0x14B] = 0x33
    image[0x14D] = -sum(byte + 1 for byte in image[0x134:0x14D]) & 0xFF
    total = sum(image[:0x14E]) + sum(image[0x150:])
    image[0x14E:0x150] = (total & 0xFFFF).to_bytes(2, "big")


if __name__ == "__main__":
    image, end = read_hex(sys.argv[1])
    write_header(image)
    Path(sys.argv[2]).write_bytes(image)
    print(f"{sys.argv[2]}: {end:,} of {SIZE:,} bytes used")
