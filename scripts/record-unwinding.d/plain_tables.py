"""Takes what tells of signed return addresses out of .eh_frame of an arm64 program.

  plain_tables.py PROGRAM COPY

perf 6.1 with libunwind 1.6.2 ends a stack at the instruction DW_CFA_AARCH64_negate_ra_state. In the
copy the instruction does nothing: it is for recordings without signatures. The letter B in the
augmentation of a table (signed with the second key) stays, for libunwind skips it.
"""

import pathlib
import struct
import sys

from elf import sections

NEGATE_RA_STATE, NOP = 0x2D, 0
# DW_CFA_advance_loc and DW_CFA_restore hold their operand, and DW_CFA_offset one of two.
ADVANCE_LOC, OFFSET, RESTORE = 1, 2, 3
# The operands of all other instructions: L is a number in LEB128, B such a number of bytes that
# follow it, and a digit so many bytes.
OPERANDS = {
    0x00: "",  # nop
    0x01: "8",  # set_loc
    0x02: "1",  # advance_loc1
    0x03: "2",  # advance_loc2
    0x04: "4",  # advance_loc4
    0x05: "LL",  # offset_extended
    0x06: "L",  # restore_extended
    0x07: "L",  # undefined
    0x08: "L",  # same_value
    0x09: "LL",  # register
    0x0A: "",  # remember_state
    0x0B: "",  # restore_state
    0x0C: "LL",  # def_cfa
    0x0D: "L",  # def_cfa_register
    0x0E: "L",  # def_cfa_offset
    0x0F: "B",  # def_cfa_expression
    0x10: "LB",  # expression
    0x11: "LL",  # offset_extended_sf
    0x12: "LL",  # def_cfa_sf
    0x13: "L",  # def_cfa_offset_sf
    0x14: "LL",  # val_offset
    0x15: "LL",  # val_offset_sf
    0x16: "LB",  # val_expression
    NEGATE_RA_STATE: "",
    0x2E: "L",  # GNU_args_size
}


def leb128(content, at):
    """A number without a sign, and the offset after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def after_operand(content, at, operand):
    if operand.isdigit():
        return at + int(operand)
    value, at = leb128(content, at)
    return at + value if operand == "B" else at


def empty_instructions(content, at, end):
    """Replaces the instruction between two offsets, and returns how often."""
    count = 0
    while at < end:
        byte = content[at]
        if byte >> 6:
            operands = {ADVANCE_LOC: "", OFFSET: "L", RESTORE: ""}[byte >> 6]
        elif byte in OPERANDS:
            operands = OPERANDS[byte]
        else:
            sys.exit(f"plain_tables.py: instruction {byte:#x} at {at:#x} is not known here")
        if byte == NEGATE_RA_STATE:
            content[at] = NOP
            count += 1
        at += 1
        for operand in operands:
            at = after_operand(content, at, operand)
    return count


def main():
    content = bytearray(pathlib.Path(sys.argv[1]).read_bytes())
    at, rest = next((at, size) for name, at, size in sections(content) if name == ".eh_frame")
    section_end = at + rest
    count = 0
    # The length of an entry, which does not count itself; the last one may be 0.
    while at < section_end and (length := struct.unpack_from("<I", content, at)[0]):
        start, end = at + 4, at + 4 + length
        at = end
        # What functions have in common has 0 here: then come a version, the augmentation string,
        # both alignments, the return address's register, and the augmentation. Each function's own
        # entry has two addresses of 4 bytes before its augmentation.
        if struct.unpack_from("<I", content, start)[0] == 0:
            place = content.index(0, start + 5, end) + 1
            for operand in "LLL":
                place = after_operand(content, place, operand)
        else:
            place = start + 12
        count += empty_instructions(content, after_operand(content, place, "B"), end)
    if not count:
        sys.exit("plain_tables.py: no table tells of signed return addresses")
    pathlib.Path(sys.argv[2]).write_bytes(content)


main()
