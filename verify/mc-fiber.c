/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-fiber.c - the switch between model threads.
 *
 * Everything that a suspended fibre needs lies on its own stack above the saved stack
 * pointer. So a copy of those bytes is a copy of the thread's whole local state, which is
 * how the checker undoes a probed turn of a waiting loop and restores library threads.
 */
#include "mc-internal.h"

#if defined(__x86_64__)
__asm__(".text\n"
	".globl mc_switch\n"
	".type mc_switch,@function\n"
	"mc_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size mc_switch,.-mc_switch\n"
	/* Puts the registers that the caller may keep across a call onto its stack. */
	".globl mc_pause\n"
	".type mc_pause,@function\n"
	"mc_pause:\n"
	"	movq (%rsp), %rsi\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, %rdi\n"
	"	subq $8, %rsp\n"
	"	call mc_pause_at\n"
	"	addq $56, %rsp\n"
	"	ret\n"
	".size mc_pause,.-mc_pause\n");

void *mc_fiber_init(char *stack, size_t bytes, void (*fn)(void))
{
	uint64_t *sp = (uint64_t *)(void *)(stack + bytes);

	*--sp = 0; /* sp is 8 mod 16 on entry, as after a call */
	*--sp = (uint64_t)(uintptr_t)fn;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	return sp;
}
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl mc_switch\n"
	".type mc_switch,%function\n"
	"mc_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size mc_switch,.-mc_switch\n"
	".globl mc_pause\n"
	".type mc_pause,%function\n"
	"mc_pause:\n"
	"	stp x29, x30, [sp, #-96]!\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	mov x1, x30\n"
	"	mov x0, sp\n"
	"	bl mc_pause_at\n"
	"	ldp x29, x30, [sp], #96\n"
	"	ret\n"
	".size mc_pause,.-mc_pause\n");

void *mc_fiber_init(char *stack, size_t bytes, void (*fn)(void))
{
	uint64_t *sp = (uint64_t *)(void *)(stack + bytes) - 20;

	for (int i = 0; i < 20; i++)
		sp[i] = 0;
	sp[11] = (uint64_t)(uintptr_t)fn;
	return sp;
}
#else
#error "the model checker has no fibre switch for this machine"
#endif
