/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-x86_64.S - the switch between stacks, System V x86-64.
 *
 * A suspended stack ends in a frame of 64 bytes: control words, the six registers that a
 * callee keeps, and the address to go on at. The frame is the same on both stacks, so the
 * unwind description that is right before the stack pointer moves is right after it.
 * Everything else is the caller's to save, by the ABI.
 *
 * MXCSR and the x87 control word are the callee's to keep. Loading them costs more than
 * comparing, and they hardly ever differ: they are loaded if they do.
 *
 * The last step is a jump and not a return: a return is predicted from the calls that were made,
 * on the other stack, and always wrong. For the same reason the callers in fiber.c have
 * nothing to do after a switch, so that compilers jump here instead of calling.
 *
 * The base of a fibre, pawl__fiber_start, says that it has no caller (its return address is
 * undefined), and its frame pointer is 0: unwinders of both kinds stop there.
 *
 * This file carries no note that it supports shadow stacks, because it does not: the loader
 * then runs the program without, and pawl_fiber_create() looks once more.
 */
#define FRAME_BYTES 64

	.text

	.macro	PROC name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	.endm

	.macro	ENDPROC name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.macro	POP reg
	popq	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm

	.macro	PUSH reg
	pushq	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm

	.macro	RESTORE_AND_RETURN
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	POP	r15
	POP	r14
	POP	r13
	POP	r12
	POP	rbx
	POP	rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	jmp	*%rcx
	.endm

/* uintptr_t pawl__fiber_switch(void **save_sp, void *to_sp, uintptr_t value) */
PROC pawl__fiber_switch
	PUSH	rbp
	PUSH	rbx
	PUSH	r12
	PUSH	r13
	PUSH	r14
	PUSH	r15
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %r8d
	movzwl	4(%rsp), %r9d
	movq	%rdx, %rax
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	cmpl	(%rsp), %r8d
	jne	1f
	cmpw	4(%rsp), %r9w
	jne	1f
2:
	.cfi_remember_state
	RESTORE_AND_RETURN
	.cfi_restore_state
1:
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	2b
ENDPROC pawl__fiber_switch

/* void pawl__fiber_leave(void *to_sp, uintptr_t value) */
PROC pawl__fiber_leave
	movq	%rsi, %rax
	movq	%rdi, %rsp
	.cfi_def_cfa rsp, FRAME_BYTES
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	RESTORE_AND_RETURN
ENDPROC pawl__fiber_leave

/* void *pawl__fiber_prepare(char *low, size_t bytes) */
PROC pawl__fiber_prepare
	leaq	-64(%rdi, %rsi), %rax	/* zeros above, for who looks for a caller there */
	andq	$-16, %rax
	leaq	pawl__fiber_start(%rip), %rcx
	subq	$FRAME_BYTES, %rax
	movq	%rcx, FRAME_BYTES - 8(%rax)
	xorl	%ecx, %ecx
	movq	%rcx, 48(%rax)		/* rbp: the chain of frame pointers ends */
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	movq	%rcx, FRAME_BYTES(%rax)
	movq	%rcx, FRAME_BYTES + 8(%rax)
	ret
ENDPROC pawl__fiber_prepare

/*
 * Where a new stack goes on. An unwinder that meets the address in a frame looks one byte in
 * front of it: hence the nop.
 */
	.p2align 4
	.type	fiber_base, @function
fiber_base:
	.cfi_startproc
	.cfi_undefined rip
	nop
	.globl	pawl__fiber_start
	.hidden	pawl__fiber_start
pawl__fiber_start:
	call	pawl__fiber_main
	ud2
	.cfi_endproc
	.size	fiber_base, . - fiber_base

/* bool pawl__fiber_shadow_stack(void): rdsspq does nothing where there is none. */
PROC pawl__fiber_shadow_stack
	xorl	%eax, %eax
	rdsspq	%rax
	testq	%rax, %rax
	setne	%al
	movzbl	%al, %eax
	ret
ENDPROC pawl__fiber_shadow_stack

	.section .note.GNU-stack, "", @progbits
