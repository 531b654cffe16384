; Start of the cartridge: vectors, header, a known memory, then main().
; Everything the game later reads is cleared or copied here, so that a run depends on nothing but its inputs.

	.module crt0
	.globl	_main

	.area	_HEADER (ABS)
	.org	0x40			; VBlank is the only interrupt in use
	jp	vblank

	.org	0x100
	nop
	jp	start			; 0x104..0x14F is written by tools/rom.py

	.area	_CODE
start:
	di
	ld	sp, #0xE000
	xor	a
	ldh	(0x0F), a
	ldh	(0xFF), a
	ld	hl, #0xC000		; work memory
1$:	ld	(hl+), a
	bit	5, h			; until 0xE000
	jr	z, 1$
	ld	hl, #0xFF80		; high memory
	ld	b, #0x7F
2$:	ld	(hl+), a
	dec	b
	jr	nz, 2$
	ld	de, #dma_code
	ld	hl, #0xFF80
	ld	b, #dma_end - dma_code
3$:	ld	a, (de)
	ld	(hl+), a
	inc	de
	dec	b
	jr	nz, 3$
	call	gsinit
	call	_main
4$:	halt
	nop
	jr	4$

vblank:
	push	af
	ld	a, #1
	ld	(_vblank_seen), a
	pop	af
	reti

; void vblank_wait(void): sleeps until the next VBlank begins.
_vblank_wait::
	xor	a
	ld	(_vblank_seen), a
1$:	halt
	nop
	ld	a, (_vblank_seen)
	or	a
	jr	z, 1$
	ret

; void oam_dma(void): copies the object list from 0xC000. The CPU may only touch high memory meanwhile.
_oam_dma	== 0xFF80
dma_code:
	ld	a, #0xC0
	ldh	(0x46), a
	ld	a, #40
5$:	dec	a
	jr	nz, 5$
	ret
dma_end:

; void queue_flush(void): writes the queued (address, tile) triples; 12 M-cycles each.
_queue_flush::
	ld	a, (_queue_count)
	or	a
	ret	z
	ld	b, a
	ld	hl, #_queue
6$:	ld	a, (hl+)
	ld	e, a
	ld	a, (hl+)
	ld	d, a
	ld	a, (hl+)
	ld	(de), a
	dec	b
	jr	nz, 6$
	xor	a
	ld	(_queue_count), a
_queue_flushed::
	ret

	.area	_HOME
	.area	_INITIALIZER
	.area	_GSINIT
gsinit::
	ld	bc, #l__INITIALIZER
	ld	hl, #s__INITIALIZER
	ld	de, #s__INITIALIZED
7$:	ld	a, b
	or	c
	jr	z, 8$
	ld	a, (hl+)
	ld	(de), a
	inc	de
	dec	bc
	jr	7$
8$:
	.area	_GSFINAL
	ret

	.area	_DATA
_vblank_seen::
	.ds	1
	.area	_INITIALIZED
	.area	_TELEMETRY
	.area	_BSS
	.area	_HEAP
