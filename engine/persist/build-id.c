/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build-id.c - which build of a program or a library a function is of: the note that the linker leaves in it.
 */
#include "config.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/park.h>

#include "persist.h"

struct search {
	uintptr_t address;
	uint64_t id;
};

static bool is_inside(const struct dl_phdr_info *object, uintptr_t address)
{
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type == PT_LOAD &&
		    address - (object->dlpi_addr + part->p_vaddr) < part->p_memsz)
			return true;
	}
	return false;
}

static uint64_t id_of_notes(const char *at, size_t bytes)
{
	ElfW(Nhdr) note;

	while (bytes >= sizeof(note)) {
		size_t name, all;

		memcpy(&note, at, sizeof(note));
		name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		all = sizeof(note) + name + (((size_t)note.n_descsz + 3) & ~(size_t)3);
		if (all > bytes)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(at + sizeof(note), "GNU", 4))
			return pawl_hash_bytes(at + sizeof(note) + name, note.n_descsz, 1) | 1;
		at += all;
		bytes -= all;
	}
	return 0;
}

static int look(struct dl_phdr_info *object, size_t size, void *arg)
{
	struct search *search = arg;

	(void)size;
	if (!is_inside(object, search->address))
		return 0;
	for (unsigned i = 0; i < object->dlpi_phnum && !search->id; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + part->p_vaddr;

		if (part->p_type == PT_NOTE)
			search->id = id_of_notes((const char *)at, part->p_memsz);
	}
	return 1;
}

uint64_t eng_build_id(const void *address)
{
	struct search search = {(uintptr_t)address, 0};

	(void)dl_iterate_phdr(look, &search);
	/* Without a note no build is like another. */
	return search.id ? search.id : pawl_hash_u64(pawl_now_ns(), (uintptr_t)&search) | 1;
}
