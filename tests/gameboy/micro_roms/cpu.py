"""Instructions, interrupts, HALT and STOP: pitfalls 1 to 4, 19 and 20."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, LCD_OFF, ROUTINES, Input, MicroRom, copy, fill, results, wait_ly

# IME is 0 and a timer interrupt is pending and enabled; nothing else can raise one.
PENDING = """
        ld   sp, $DFFE
        xor  a
        ldh  [rTAC], a
        ld   a, 4
        ldh  [rIE], a
        ldh  [rIF], a
        ld   bc, 0
        ld   de, 0
"""


def _reads(*instructions: tuple[str, int]) -> tuple[str, str]:
    """For each instruction that reads DIV into A in its M-cycle m: that cycle 63 and 64 M-cycles after a DIV write."""
    source, expected = "        ld   de, $C000\n        ld   hl, rDIV\n        ld   c, LOW(rDIV)\n", ""
    for instruction, m in instructions:
        for cycle in (63, 64):
            source += f"        xor  a\n        ldh  [rDIV], a\n        ds   {cycle - m}\n        {instruction}\n"
            source += "        ld   [de], a\n        inc  de\n"
        expected += "00 01 "
    return source, expected


def _writes(*instructions: tuple[str, str, int, int]) -> tuple[str, str]:
    """For (set-up, instruction writing DIV in M-cycle m, m, length): DIV read 63 and 64 M-cycles after that write."""
    source, expected = "        ld   de, $C000\n", ""
    for setup, instruction, m, length in instructions:
        for cycle in (63, 64):
            source += f"        {setup}\n        {instruction}\n        ds   {cycle - 3 - (length - m)}\n"
            source += "        ldh  a, [rDIV]\n        ld   [de], a\n        inc  de\n"
        expected += "00 01 "
    return source, expected


READS = _reads(
    ("ld   a, [hl]", 2), ("ldh  a, [c]", 2), ("add  a, [hl]", 2), ("ldh  a, [rDIV]", 3), ("ld   a, [rDIV]", 4)
)  # fmt: skip
WRITES = _writes(
    ("ld   hl, rDIV", "ld   [hl], a", 2, 2),
    ("ld   c, LOW(rDIV)", "ldh  [c], a", 2, 2),
    ("ld   hl, rDIV", "ld   [hl], 9", 3, 3),
    ("nop", "ldh  [rDIV], a", 3, 3),
    ("nop", "ld   [rDIV], a", 4, 4),
    ("ld   hl, rDIV", "inc  [hl]", 3, 3),
    ("ld   hl, rDIV", "res  0, [hl]", 4, 4),
    ("ld   sp, rDIV + 1", "push bc", 3, 4),  # high byte first ..
    ("ld   sp, rDIV + 2", "push bc", 4, 4),  # .. then the low byte
    ("nop", "ld   [rDIV], sp", 4, 5),
    ("nop", "ld   [rDIV - 1], sp", 5, 5),
)
# INC [HL] on TIMA, its read 8, 9, 10 and 11 M-cycles after a DIV write; ticks come at 4, 8, 12 and 16.
MODIFY = "".join(
    f"""
        xor  a
        ldh  [rDIV], a
        ld   [hl], a
        ds   {4 + n}
        inc  [hl]
        ds   {8 - n}
        ld   {register}, [hl]
"""
    for n, register in enumerate("bcde")
)


# Events a known time after the DIV write at the start: TIMA's reload 37 M-cycles, VBlank about 144 lines
# after the LCD is turned on.
ARM = {
    "timer": """
        ld   a, 5
        ldh  [rTAC], a
        xor  a
        ldh  [rDIV], a
        ld   a, $F8
        ldh  [rTIMA], a
""",
    "vblank": f"""
{LCD_OFF}
        ld   a, $80
        ldh  [rLCDC], a
        ldh  [rDIV], a
        ld   de, 2330           ; 7 M-cycles each
        dec  de
        ld   a, d
        or   e
        jr   nz, @-3
        xor  a
        ldh  [rIF], a
""",
}
WAKES = (("timer", "nops", 6), ("timer", "halt", 5), ("vblank", "nops", 14), ("vblank", "halt", 14))


def _wake(source: str, wait: str, nops: int) -> str:
    """Waits for an interrupt twice; its handler reads DIV after `nops` NOPs, then after one more."""
    return f"""
main:   {PENDING}
        ld   hl, $C000
next:   ld   a, {5 if source == "vblank" else 4}
        ldh  [rIE], a
        xor  a
        ldh  [rTAC], a
        ldh  [rIF], a
{ARM[source]}
        ei
        {wait}
        nop
handle: add  sp, 2              ; 4
        bit  0, b               ; 2
        jr   z, .even           ; 3 or 2
        nop
        nop
.even:  ds   {nops}
        ldh  a, [rDIV]
        ld   [hl+], a
        inc  b
        bit  1, b
        jp   z, next
{DONE}
        org  $40
        jp   handle
        org  $50
        jp   handle
"""


def _daa_table() -> bytes:
    """A and F after DAA for every A under each of F = $00, $10 .. $70 (N, H and C; Z goes in clear)."""
    table = bytearray()
    for flags in range(0x00, 0x80, 0x10):
        for a in range(256):
            subtract, half, carry = bool(flags & 0x40), bool(flags & 0x20), bool(flags & 0x10)
            adjust = 0x06 if half or (not subtract and a & 0x0F > 9) else 0
            carry = carry or (not subtract and a > 0x99)
            adjust |= 0x60 if carry else 0
            result = (a - adjust if subtract else a + adjust) & 0xFF
            table += bytes([result, (flags & 0x40) | (0x80 if result == 0 else 0) | (0x10 if carry else 0)])
    return bytes(table)


def _stack_offsets() -> tuple[str, bytes]:
    """`add sp, e` and `ld hl, sp+e` for telling operands, and the F and result each leaves."""
    source, expected = "", bytearray()
    for sp, e in ((0x000F, 1), (0x00FF, 1), (0x0001, -1), (0x0000, -1), (0xFFFF, 1), (0x1234, 0x10), (0xD0F0, -16)):
        low = e & 0xFF
        flags = 0x20 * ((sp & 0xF) + (low & 0xF) > 0xF) | 0x10 * ((sp & 0xFF) + low > 0xFF)
        for instruction, read in ((f"add  sp, {e}", "ld   [out], sp"), (f"ld   hl, sp + {e}", "")):
            source += f"        ld   sp, {sp}\n        xor  a\n        {instruction}\n"
            source += f"        {'ld   [$D000], sp' if read else 'ld   a, l'}\n"
            if read:
                source += "        ld   a, [$D000]\n        ld   l, a\n        ld   a, [$D001]\n        ld   h, a\n"
            source += "        ld   sp, $DFF0\n        push af\n        ld   a, l\n        ld   [de], a\n"
            source += "        inc  de\n        ld   a, h\n        ld   [de], a\n        inc  de\n"
            source += "        pop  hl\n        ld   a, l\n        ld   [de], a\n        inc  de\n"
            expected += ((sp + e) & 0xFFFF).to_bytes(2, "little") + bytes([flags])
    return "        ld   de, $C000\n" + source, bytes(expected)


OFFSETS = _stack_offsets()


def _illegal(opcode: int) -> MicroRom:
    return MicroRom(
        name=f"illegal_{opcode:02x}_locks_the_cpu",
        pitfall=20,
        fact=f"opcode {opcode:02X} does not exist: the CPU stops for good, deaf to interrupts",
        document="Pan Docs, CPU Comparison with Z80 (illegal opcodes lock the CPU until it is powered off)",
        source=f"""
main:   ld   sp, $DFFE
        ld   a, $55
        ld   [$C000], a
        ld   a, $E4
        ldh  [rBGP], a
        ld   a, 1
        ldh  [rIE], a
        xor  a
        ldh  [rIF], a
        ei
        nop
        db   ${opcode:02X}
        ld   [$C000], a
{DONE}
        org  $40
        ld   [$C000], a
{DONE}
""",
        memory=results("55"),
        breaks=False,
        max_frames=5,
    )


CPU: tuple[MicroRom, ...] = (
    MicroRom(
        name="ei_takes_effect_after_next_instruction",
        pitfall=1,
        fact="EI is delayed by one instruction: one INC B runs before the pending interrupt is served",
        document="Pan Docs, Interrupts (IME); mooneye acceptance/ei_timing",
        source=f"""
main:   {PENDING}
        ei
        inc  b
        inc  b
        inc  b
        ld   d, $FF
{DONE}
        org  $50
        ld   c, b
        ld   e, 1
{DONE}
""",
        registers={"b": 1, "c": 1, "d": 0, "e": 1},
    ),
    MicroRom(
        name="ei_di_leaves_no_window",
        pitfall=1,
        fact="EI followed by DI lets no interrupt in, however often repeated",
        document="Pan Docs, Interrupts (IME); mooneye acceptance/rapid_di_ei",
        source=f"""
main:   {PENDING}
        ei
        di
        ei
        di
        inc  b
        ei
        nop
        ld   d, $FF
{DONE}
        org  $50
        ld   c, b
{DONE}
""",
        registers={"b": 1, "c": 1, "d": 0},
    ),
    MicroRom(
        name="ei_sequence_does_not_restart_the_delay",
        pitfall=1,
        fact="a run of EIs enables interrupts after the second one, not after the last",
        document="mooneye acceptance/ei_sequence",
        source=f"""
main:   {PENDING}
        ei
        ei
back:   ei
        inc  b
{DONE}
        org  $50
        pop  hl
        ld   de, back
        ld   a, l
        sub  e
        ld   c, a
{DONE}
""",
        registers={"b": 0, "c": 0},
    ),
    MicroRom(
        name="ei_halt_returns_to_the_halt",
        pitfall=1,
        fact="EI; HALT with an interrupt pending: it is served and returns to the HALT itself, which halts again",
        document="Pan Docs, halt (halt bug); SameSuite interrupt/ei_delay_halt; mooneye acceptance/halt_ime0_ei",
        source=f"""
main:   {PENDING}
        ei
wait:   halt
        inc  d
{DONE}
        org  $50
        inc  b
        pop  hl                 ; the return address
        push hl
        ld   a, b
        cp   2
        jr   z, .end
        ld   a, $FB             ; overflow again soon, to leave the second HALT
        ldh  [rTIMA], a
        ld   a, 5
        ldh  [rTAC], a
        ld   a, l
        sub  LOW(wait)
        ld   c, a
        reti
.end:   ld   a, l
        sub  LOW(wait)
        ld   e, a
{DONE}
""",
        registers={"b": 2, "c": 0, "d": 0, "e": 1},
    ),
    MicroRom(
        name="reti_enables_without_delay",
        pitfall=1,
        fact="RETI enables interrupts at once: a second pending interrupt comes before the interrupted program",
        document="Pan Docs, Interrupts (reti); mooneye acceptance/reti_intr_timing",
        source=f"""
main:   {PENDING}
        ld   a, $0C
        ldh  [rIE], a
        ldh  [rIF], a
        ei
        nop
        inc  b
{DONE}
        org  $50
        ld   c, 1
        reti
        org  $58
        ld   d, c
        ld   e, b
{DONE}
""",
        registers={"b": 0, "c": 1, "d": 1, "e": 0},
    ),
    MicroRom(
        name="di_takes_effect_at_once",
        pitfall=1,
        fact="DI has no delay: an interrupt requested by the next instruction is not served",
        document="Pan Docs, Interrupts (IME); mooneye acceptance/di_timing-GS",
        source=f"""
main:   {PENDING}
        xor  a
        ldh  [rIF], a
        ei
        ld   a, 4
        di
        ldh  [rIF], a
        inc  b
        inc  b
{DONE}
        org  $50
        ld   c, 1
{DONE}
""",
        registers={"b": 2, "c": 0},
    ),
    MicroRom(
        name="halt_bug_repeats_the_next_byte",
        pitfall=2,
        fact="HALT with IME=0 and an interrupt pending fails to advance PC: INC B runs twice",
        document="Pan Docs, halt (halt bug); blargg halt_bug",
        source=f"""
main:   {PENDING}
        halt
        inc  b
        inc  c
{DONE}
""",
        registers={"b": 2, "c": 1},
    ),
    MicroRom(
        name="halt_bug_reads_the_opcode_as_operand",
        pitfall=2,
        fact="after a bugged HALT, LD A,$14 takes its own opcode as operand and runs $14 (INC D) next",
        document="Pan Docs, halt (halt bug)",
        source=f"""
main:   {PENDING}
        halt
        ld   a, $14
        ld   b, a
        ld   c, $42
{DONE}
""",
        registers={"b": 0x3E, "c": 0x42, "d": 1},
    ),
    MicroRom(
        name="halt_bug_rst_returns_to_itself",
        pitfall=2,
        fact="RST after a bugged HALT pushes its own address",
        document="Pan Docs, halt (halt bug, rst)",
        source=f"""
main:   {PENDING}
        halt
again:  rst  $20
{DONE}
        org  $20
        pop  hl
        ld   de, again
        ld   a, l
        sub  e
        ld   b, a
{DONE}
""",
        registers={"b": 0, "c": 0},
    ),
    MicroRom(
        name="halt_ime0_wakes_without_a_call",
        pitfall=2,
        fact="HALT with IME=0 and nothing pending waits for IE & IF, then goes on without calling or acknowledging",
        document="Pan Docs, halt; mooneye acceptance/halt_ime0_nointr_timing",
        source=f"""
main:   {PENDING}
        xor  a
        ldh  [rIF], a
        ld   a, $F0
        ldh  [rTIMA], a
        ld   a, 5
        ldh  [rTAC], a
        halt
        inc  b
        inc  b
        ldh  a, [rIF]
        and  $1F & 4
        ld   d, a
{DONE}
        org  $50
        ld   c, 1
{DONE}
""",
        registers={"b": 2, "c": 0, "d": 4},
    ),
    MicroRom(
        name="halt_ignores_disabled_interrupts",
        pitfall=2,
        fact="HALT sleeps on while IF has only bits that IE leaves out, even with IME=1",
        document="Pan Docs, halt ((IE & IF) != 0 wakes)",
        source=f"""
main:   {PENDING}
        ld   a, $F0
        ldh  [rTIMA], a
        ld   a, 5
        ldh  [rTAC], a
        ld   a, $08             ; a serial request, which is not enabled
        ldh  [rIF], a
        ei
        halt
        di
        inc  b
        ldh  a, [rIF]
        and  $0C
        ld   d, a
{DONE}
        org  $50
        inc  c
        reti
""",
        registers={"b": 1, "c": 1, "d": 8},
    ),
    *(
        MicroRom(
            name=f"{source}_interrupt_from_{wait}",
            pitfall=2,
            fact="NOPs or HALT: the VBlank handler starts in the same M-cycle, the timer's one later from HALT",
            document="mooneye acceptance/halt_ime1_timing2-GS; gbmicrotest int_timer_halt, int_timer_nops",
            source=_wake(source, "halt" if wait == "halt" else "ds   250", nops),
            memory=results("00 01"),
        )
        for source, wait, nops in WAKES
    ),
    MicroRom(
        name="dispatch_takes_five_cycles",
        pitfall=3,
        fact="from the end of an instruction to the handler's first fetch, an interrupt takes 5 M-cycles",
        document="Pan Docs, Interrupts (Interrupt handling); mooneye acceptance/intr_timing",
        source=f"""
main:   {PENDING}
        ld   hl, $C000
        ei
        ldh  [rDIV], a          ; served right after this: 5 + 2 + 3 + 50 + 3 = 63 M-cycles
        nop
        ld   b, 1
        ld   a, 4
        ldh  [rIF], a
        ei
        ldh  [rDIV], a
        nop
{DONE}
        org  $50
        bit  0, b               ; 2
        jr   z, .first          ; 3 or 2
        nop
        nop                     ; one more than in the first pass
.first: ds   64 - 5 - 2 - 3 - 3 - 1
        ldh  a, [rDIV]
        ld   [hl+], a
        ret
""",
        memory=results("00 01"),
    ),
    MicroRom(
        name="dispatch_priority_is_lowest_bit_first",
        pitfall=3,
        fact="with all five pending, the handlers come as $40, $48, $50, $58, $60, each clearing its own IF bit only",
        document="Pan Docs, Interrupts (Interrupt priorities)",
        source="""
main:   ld   sp, $DFFE
        xor  a
        ldh  [rTAC], a
        ld   hl, $C000
        ld   a, $1F
        ldh  [rIE], a
        ldh  [rIF], a
        ei
        nop
        di
        jr   finish
finish: ld   b, b
        jr   @
note:   ld   [hl+], a
        ldh  a, [rIF]
        ld   [hl+], a
        reti
        org  $40
        ld   a, 1
        jp   note
        org  $48
        ld   a, 2
        jp   note
        org  $50
        ld   a, 3
        jp   note
        org  $58
        ld   a, 4
        jp   note
        org  $60
        ld   a, 5
        jp   note
""",
        memory=results("01 FE 02 FC 03 F8 04 F0 05 E0"),
    ),
    MicroRom(
        name="dispatch_high_push_to_ie_cancels",
        pitfall=3,
        fact="if pushing PC's high byte onto IE disables the interrupt, it is not acknowledged and PC becomes 0000",
        document="mooneye acceptance/interrupts/ie_push (round 1)",
        source=f"""
main:   {PENDING}
        ld   sp, $0000          ; the high byte ($01) goes to FFFF
        ei
        nop
        ld   d, 1
{DONE}
        org  $00
        ldh  a, [rIE]
        ld   b, a
        ldh  a, [rIF]
        and  4
        ld   c, a
        ld   e, 1
{DONE}
        org  $50
        ld   d, 2
{DONE}
""",
        registers={"b": 0x01, "c": 4, "d": 0, "e": 1},
    ),
    MicroRom(
        name="dispatch_high_push_to_ie_redirects",
        pitfall=3,
        fact="the handler is chosen after the high byte is pushed: IE overwritten with $08 serves serial instead",
        document="mooneye acceptance/interrupts/ie_push (rounds 2 and 3)",
        source=f"""
main:   {PENDING}
        ld   a, $0C
        ldh  [rIF], a
        ld   sp, $0000
        jp   high
        org  $0810
high:   ei
        nop
        ld   d, 1
{DONE}
        org  $50
        ld   d, 2
{DONE}
        org  $58
        ldh  a, [rIF]
        and  $1F & $0C
        ld   b, a
        ldh  a, [rIE]
        ld   c, a
        ld   e, 1
{DONE}
""",
        registers={"b": 4, "c": 8, "d": 0, "e": 1},
    ),
    MicroRom(
        name="dispatch_low_push_to_ie_is_too_late",
        pitfall=3,
        fact="the low byte pushed onto IE comes after the choice: the timer is served although IE no longer has it",
        document="mooneye acceptance/interrupts/ie_push (round 4)",
        source=f"""
main:   {PENDING}
        ld   sp, $0001          ; high byte to 0000 (ROM), low byte to FFFF
        jp   low
        org  $0210
low:    ei
        nop
        ld   d, 1
{DONE}
        org  $50
        ldh  a, [rIE]
        sub  LOW(low + 2)
        ld   b, a
        ldh  a, [rIF]
        and  4
        ld   c, a
        ld   e, 1
{DONE}
""",
        registers={"b": 0, "c": 0, "d": 0, "e": 1},
    ),
    MicroRom(
        name="dispatch_pushes_the_next_pc",
        pitfall=3,
        fact="the handler's return address is the instruction that would have come next",
        document="Pan Docs, Interrupts (Interrupt handling)",
        source=f"""
main:   {PENDING}
        ei
        nop
back:   nop
{DONE}
        org  $50
        pop  hl
        ld   a, l
        sub  LOW(back)
        ld   b, a
        ld   a, h
        sub  HIGH(back)
        ld   c, a
{DONE}
""",
        registers={"b": 0, "c": 0},
    ),
    MicroRom(
        name="reads_happen_in_their_own_cycle",
        pitfall=4,
        fact="LD A,[HL], LDH A,[C] and ADD A,[HL] read in M-cycle 2, LDH A,[n] in 3, LD A,[nn] in 4",
        document="blargg mem_timing (01-read_timing); mooneye acceptance/div_timing",
        source=f"main:\n{READS[0]}{DONE}",
        memory=results(READS[1]),
    ),
    MicroRom(
        name="writes_happen_in_their_own_cycle",
        pitfall=4,
        fact="each instruction that stores does so in its own M-cycle, PUSH and LD [nn],SP one byte after the other",
        document="blargg mem_timing (02-write_timing, 03-modify_timing); mooneye acceptance/push_timing",
        source=f"main:\n{WRITES[0]}{DONE}",
        memory=results(WRITES[1]),
    ),
    MicroRom(
        name="pop_reads_low_then_high",
        pitfall=4,
        fact="POP reads the low byte in M-cycle 2 and the high byte in M-cycle 3",
        document="mooneye acceptance/pop_timing",
        source=f"""
main:   ld   sp, rDIV           ; low byte is DIV
        ldh  [rDIV], a
        ds   61
        pop  bc
        ld   sp, rDIV
        ldh  [rDIV], a
        ds   62
        pop  de
        ld   b, e
        ld   sp, rDIV - 1       ; high byte is DIV
        ldh  [rDIV], a
        ds   60
        pop  de
        ld   h, d
        ld   sp, rDIV - 1
        ldh  [rDIV], a
        ds   61
        pop  de
{DONE}
""",
        registers={"c": 0, "b": 1, "h": 0, "d": 1},
    ),
    MicroRom(
        name="modify_writes_back_a_stale_value",
        pitfall=4,
        fact="INC [HL] reads in M-cycle 2 and writes in 3: a timer tick after the read is overwritten",
        document="blargg mem_timing (03-modify_timing)",
        source=f"""
main:   ld   hl, rTIMA
        ld   a, 5               ; one tick every 4 M-cycles
        ldh  [rTAC], a
{MODIFY}
{DONE}
""",
        registers={"b": 5, "c": 5, "d": 5, "e": 4},
    ),
    MicroRom(
        name="branches_cost_more_when_taken",
        pitfall=4,
        fact="JR 3/2, JP 4/3, CALL 6/3, RET 4, RET cc 5/2, RST 4, PUSH 4, POP 3, ADD SP 4",
        document="mooneye acceptance/jp_cc_timing, call_cc_timing, ret_cc_timing, rst_timing, add_sp_e_timing",
        source=f"""
main:   ld   sp, $DFFE
        ld   hl, $C000
        ld   e, 0
        call timed
        inc  e
        call timed
{DONE}
timed:  xor  a                  ; Z is set all along
        ldh  [rDIV], a
        jr   z, @+2             ; 3
        jr   nz, @+2            ; 2
        jp   z, @+3             ; 4
        jp   nz, @+3            ; 3
        call z, return          ; 6 + 4
        call nz, return         ; 3
        call return_z           ; 6 + 5
        ret  nz                 ; 2
        rst  $08                ; 4 + 4
        push bc                 ; 4
        pop  bc                 ; 3
        add  sp, 0              ; 4
        xor  a                  ; 1
        ds   59                 ; 59: 117 so far
        bit  0, e               ; 2
        jr   z, .short          ; 3, or 2 and two more: 122 or 123
        nop
        nop
.short: nop
        nop
        ldh  a, [rDIV]          ; read 127 or 128 M-cycles after the write
        ld   [hl+], a
        ret
return: ret
return_z: ret z
        org  $08
        ret
""",
        memory=results("01 02"),
    ),
    MicroRom(
        name="daa_every_case",
        pitfall=19,
        fact="DAA for all 256 values of A under all eight N, H, C: result and flags",
        document="Pan Docs, CPU Instruction Set (DAA); mooneye acceptance/instr/daa",
        source=f"""
main:   ld   sp, $DFFE
        ld   hl, $C000
        ld   c, 0               ; F going in
.flags: ld   b, 0               ; A going in
.next:  push bc
        pop  af
        daa
        push af
        pop  de
        ld   a, d
        ld   [hl+], a
        ld   a, e
        ld   [hl+], a
        inc  b
        jr   nz, .next
        ld   a, c
        add  a, $10
        ld   c, a
        cp   $80
        jr   nz, .flags
{DONE}
""",
        memory={0xC000: _daa_table()},
    ),
    MicroRom(
        name="pop_af_drops_the_low_nibble",
        pitfall=19,
        fact="the low four bits of F do not exist: POP AF then PUSH AF clears them",
        document="Pan Docs, CPU Registers and Flags; mooneye acceptance/bits/reg_f",
        source=f"""
main:   ld   sp, $DFFE
        ld   bc, $12FF
        push bc
        pop  af
        push af
        pop  de
        ld   bc, $340F
        push bc
        pop  af
        push af
        pop  hl
{DONE}
""",
        registers={"d": 0x12, "e": 0xF0, "h": 0x34, "l": 0x00},
    ),
    MicroRom(
        name="sp_offset_flags_come_from_the_low_byte",
        pitfall=19,
        fact="ADD SP,e and LD HL,SP+e: Z=N=0, H and C from the unsigned addition of the low bytes",
        document="Pan Docs, CPU Instruction Set (ADD SP,e8)",
        source=f"main:\n{OFFSETS[0]}{DONE}",
        memory={0xC000: OFFSETS[1]},
    ),
    MicroRom(
        name="accumulator_rotates_clear_z",
        pitfall=19,
        fact="RLCA, RRCA, RLA, RRA always clear Z, their CB forms set it for a zero result",
        document="Pan Docs, CPU Instruction Set (rotate and shift)",
        source="main:   ld   sp, $DFFE\n        ld   hl, $C000\n"
        + "".join(
            f"        xor  a\n        {op}\n        push af\n        pop  bc\n        ld   [hl], c\n        inc  hl\n"
            for op in ("rlca", "rrca", "rla", "rra", "rlc a", "rrc a", "rl a", "rr a", "swap a", "sla a", "cpl")
        )
        + DONE,
        memory=results("00 00 00 00 80 80 80 80 80 80 E0"),
    ),
    MicroRom(
        name="stop_waits_for_a_button_and_resets_div",
        pitfall=20,
        fact="STOP sleeps until a selected button goes down, DIV stands at 0 meanwhile; its second byte is skipped",
        document="Pan Docs, Reducing Power Consumption (Using the STOP Instruction)",
        source=f"""
main:   ld   a, $10             ; buttons selected
        ldh  [rP1], a
        xor  a
        ldh  [rIE], a
        ldh  [rIF], a
        ld   b, a
        ld   [$C000], a
        stop                    ; 10 00
        ldh  a, [rDIV]
        cp   3
        jr   nc, .late          ; just restarted from 0
        inc  b
.late:  ldh  a, [rP1]
        and  $0F
        ld   c, a
{DONE}
""",
        inputs=(Input(5, "a"),),
        registers={"c": 0x0E, "b": 1},
    ),
    MicroRom(
        name="stop_with_a_button_held_and_interrupt_pending_is_a_nop",
        pitfall=20,
        fact="STOP with a selected button down and an interrupt pending is one byte long and leaves DIV alone",
        document="Pan Docs, Reducing Power Consumption (STOP flow chart)",
        source=f"""
main:   ld   a, $10
        ldh  [rP1], a
        xor  a
        ldh  [rIE], a
.wait:  ldh  a, [rP1]
        and  1
        jr   nz, .wait
        ld   a, 4
        ldh  [rIF], a
        ldh  [rIE], a
        ldh  a, [rDIV]
        or   a
        jr   z, @-3             ; some DIV other than 0
        ld   bc, 0
        db   $10, $04           ; STOP, INC B
        ldh  a, [rDIV]
        or   a
        jr   nz, .kept
        inc  c
.kept:  nop
{DONE}
""",
        inputs=(Input(5, "a"),),
        registers={"b": 1, "c": 0},
    ),
    *(_illegal(opcode) for opcode in (0xD3, 0xDB, 0xDD, 0xE3, 0xE4, 0xEB, 0xEC, 0xED, 0xF4, 0xFC, 0xFD)),
    MicroRom(
        name="illegal_opcode_keeps_the_picture",
        pitfall=20,
        fact="after an illegal opcode the PPU goes on showing what VRAM and the registers hold",
        document="Pan Docs, CPU Comparison with Z80 (illegal opcodes); own deduction for the PPU",
        source=f"""
main:   ld   sp, $DFFE
{wait_ly(144)}
        xor  a
        ldh  [rLCDC], a
        ldh  [rSCX], a
        ldh  [rSCY], a
        ldh  [rIE], a
{fill(0x8000, 0x2000, 0)}
{copy("tile", 0x8010, 16)}
        ld   a, 1
        ld   [$9801], a
        ld   a, $E4
        ldh  [rBGP], a
        ld   a, $91
        ldh  [rLCDC], a
        db   $FC
{DONE}
{ROUTINES}
tile:   db   $0F, $00, $0F, $FF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
""",
        rows={0: "0*12 1*4 0*144", 1: "0*8 2*4 3*4 0*144", 2: "0*160"},
        breaks=False,
        max_frames=5,
    ),
)
