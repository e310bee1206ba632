/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmdb-check.c - looking at the pages of LMDB's file without believing any.
 *
 * LMDB follows page numbers and offsets that it reads; in a damaged file they lead it out of the map. This reads pages
 * by pread() into buffers, looks at each number before using it, and marks each page: a page that is in the tree twice
 * is found, so the walk ends. What LMDB's look-ups stand on is then known to hold:
 *
 *  - each page is what its place wants (branch, leaf, overflow), has its own number, and its nodes lie inside;
 *  - keys ascend strictly through each tree, and separators in branches lie between what is left and right;
 *  - the counts that each tree says of itself are right;
 *  - pages that are free are in no tree, and once in the list.
 *
 * The form of the file is that of LMDB 0.9 (data version 1), with this machine's word and byte order, which LMDB itself
 * asks for. A generation is found by the number of its transaction in one of the two first pages. Its pages
 * stay what they are as long as the view is open.
 */
#include "config.h"

#ifdef PAWL_HAVE_LMDB

#include "lmdb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

#define MAGIC	 UINT32_C(0xbeefc0de)
#define DATA	 1u /* the version of its form */
#define NO_PAGE	 SIZE_MAX
#define DEPTH	 32u /* LMDB's own limit of its cursors */
#define KEY_MAX	 511u
#define PAGE_MAX 65536u

enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4, META = 8 };
/* Of nodes in leaves. */
enum { BIG = 1, SUBTREE = 2 };
#define INTEGER_KEYS 8u

struct header {
	size_t number;
	uint16_t pad, flags;
	union {
		struct {
			uint16_t lower, upper;
		} bounds;
		uint32_t pages;
	} u;
};
#define HEADER (offsetof(struct header, u) + 4)

struct tree {
	uint32_t pad;
	uint16_t flags, depth;
	size_t branches, leaves, overflows, entries, root;
};

struct meta {
	uint32_t magic, version;
	size_t address, map_bytes;
	struct tree trees[2]; /* free pages; the main database */
	size_t last_page, txn;
};

struct node {
	uint16_t low, high, flags, key_bytes;
};

struct level {
	unsigned char *page;
	size_t number;
	unsigned at, n;
};

struct check {
	struct pawl_store_why *why;
	int fd;
	size_t page_bytes, last_page;
	unsigned char *pages; /* DEPTH + 1 of them */
	unsigned char *used, *free;
	/* The tree that is walked. */
	const char *name;
	const struct tree *tree;
	struct tree found;
	struct level levels[DEPTH];
	unsigned char last_key[KEY_MAX], bound[KEY_MAX];
	size_t last_bytes, bound_bytes;
	bool any, bounded;
	size_t want_key; /* bytes of each key; 0: any */
	struct tree named[PAWL_STORE_SPACE_COUNT];
	unsigned named_n;
	bool mark, stranger; /* the main database has our mark; has what is not ours */
};

static int damaged(struct check *c, size_t page, const char *what)
{
	eng_why(c->why, -EUCLEAN, 0, "page %zu of %s: %s", page, c->name, what);
	return -EUCLEAN;
}

static bool mark(unsigned char *map, size_t page)
{
	bool was = map[page / 8] >> page % 8 & 1;

	map[page / 8] |= (unsigned char)(1u << page % 8);
	return !was;
}

static bool marked(const unsigned char *map, size_t page)
{
	return map[page / 8] >> page % 8 & 1;
}

static int read_at(struct check *c, size_t offset, void *to, size_t bytes)
{
	char *at = to;

	while (bytes) {
		ssize_t got = pread(c->fd, at, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return eng_why(c->why, -errno, 0, "data.mdb: %s", strerror(errno));
		if (!got)
			return damaged(c, offset / c->page_bytes,
				       "lies behind the end of the file");
		at += got;
		offset += (size_t)got;
		bytes -= (size_t)got;
	}
	return 0;
}

/* A page that something refers to, the first time. */
static int read_page(struct check *c, size_t number, size_t bytes, void *to)
{
	struct header header;
	int error;

	if (number < 2 || number > c->last_page)
		return damaged(c, number, "there is no such page");
	if (!mark(c->used, number))
		return damaged(c, number, "is in two places");
	error = read_at(c, number * c->page_bytes, to, bytes);
	if (error)
		return error;
	memcpy(&header, to, sizeof(header));
	return header.number == number ? 0 : damaged(c, number, "has another number");
}

/* ---- one tree ----------------------------------------------------------------------------------- */

static int compare(const struct check *c, const unsigned char *a, size_t a_bytes,
		   const unsigned char *b, size_t b_bytes)
{
	int order;

	if (c->tree->flags & INTEGER_KEYS) {
		size_t x, y;

		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		return x < y ? -1 : x > y;
	}
	order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
	return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* Where the n-th node lies; checked: its head and its key are inside of the page. */
static int node_of(struct check *c, const struct level *level, unsigned n,
		   struct node *ret_node, const unsigned char **ret_key)
{
	struct header header;
	uint16_t offset;

	memcpy(&header, level->page, sizeof(header));
	memcpy(&offset, level->page + HEADER + 2 * n, sizeof(offset));
	if (offset < header.u.bounds.upper || offset + sizeof(*ret_node) > c->page_bytes)
		return damaged(c, level->number, "a node lies outside");
	memcpy(ret_node, level->page + offset, sizeof(*ret_node));
	*ret_key = level->page + offset + sizeof(*ret_node);
	if (ret_node->key_bytes > KEY_MAX ||
	    offset + sizeof(*ret_node) + ret_node->key_bytes > c->page_bytes)
		return damaged(c, level->number, "a key lies outside");
	return 0;
}

static int enter(struct check *c, unsigned depth, size_t number)
{
	struct level *level = &c->levels[depth];
	bool leaf = depth + 1u == c->tree->depth;
	struct header header;
	int error;

	level->page = c->pages + depth * c->page_bytes;
	level->number = number;
	error = read_page(c, number, c->page_bytes, level->page);
	if (error)
		return error;
	memcpy(&header, level->page, sizeof(header));
	if ((header.flags & 0xff & ~0x10) != (leaf ? LEAF : BRANCH))
		return damaged(c, number, leaf ? "is no leaf" : "is no branch");
	if (header.u.bounds.lower < HEADER || header.u.bounds.lower > header.u.bounds.upper ||
	    header.u.bounds.upper > c->page_bytes || (header.u.bounds.lower - HEADER) % 2)
		return damaged(c, number, "its bounds are none");
	level->n = (unsigned)(header.u.bounds.lower - HEADER) / 2;
	level->at = 0;
	/* LMDB may leave one in a branch of the free pages. */
	if (level->n < (leaf || c->tree->flags & INTEGER_KEYS ? 1 : 2))
		return damaged(c, number, "has too few nodes");
	if (leaf)
		c->found.leaves++;
	else
		c->found.branches++;
	return 0;
}

static int check_key(struct check *c, size_t page, const unsigned char *key, size_t bytes)
{
	if (c->want_key && bytes != c->want_key)
		return damaged(c, page, "a key has a wrong size");
	if (c->any && compare(c, c->last_key, c->last_bytes, key, bytes) >= 0)
		return damaged(c, page, "keys are not in order");
	if (c->bounded && compare(c, c->bound, c->bound_bytes, key, bytes) > 0)
		return damaged(c, page, "a key is not where it is looked for");
	memcpy(c->last_key, key, bytes);
	c->last_bytes = bytes;
	c->any = true;
	c->bounded = false;
	return 0;
}

/* Pages of a value of its own. */
static int check_overflow(struct check *c, size_t first, size_t bytes)
{
	size_t pages = (HEADER - 1 + bytes) / c->page_bytes + 1, i;
	struct header header;
	int error = read_page(c, first, sizeof(header), &header);

	if (error)
		return error;
	if ((header.flags & 0xff & ~0x10) != OVERFLOW || header.u.pages < pages)
		return damaged(c, first, "is not the pages of a value");
	pages = header.u.pages;
	if (pages > c->last_page + 1 - first)
		return damaged(c, first, "there are not so many pages");
	for (i = 1; i < pages; i++)
		if (!mark(c->used, first + i))
			return damaged(c, first + i, "is in two places");
	c->found.overflows += pages;
	return 0;
}

static int check_free_list(struct check *c, size_t page, const unsigned char *bytes, size_t n)
{
	size_t count, i, number;

	if (n < sizeof(count))
		return damaged(c, page, "a list of free pages is too short");
	memcpy(&count, bytes, sizeof(count));
	if (count > n / sizeof(count) - 1)
		return damaged(c, page, "a list of free pages is longer than its value");
	for (i = 1; i <= count; i++) {
		memcpy(&number, bytes + i * sizeof(number), sizeof(number));
		if (number < 2 || number > c->last_page)
			return damaged(c, number, "there is no such page, and it is free");
		if (!mark(c->free, number))
			return damaged(c, number, "is free twice");
	}
	return 0;
}

/* A list that has pages of its own is read anew, as a whole. */
static int check_big_free_list(struct check *c, size_t page, size_t first, size_t n)
{
	unsigned char *bytes = pawl_mem_alloc(n, 0);
	int error = bytes ? read_at(c, first * c->page_bytes + HEADER, bytes, n) : -ENOMEM;

	if (!error)
		error = check_free_list(c, page, bytes, n);
	pawl_mem_free(bytes, n, 0);
	return error;
}

/* Which space a node of the main database is the root of. */
static int check_subtree(struct check *c, size_t page, const unsigned char *key,
			 size_t key_bytes, const unsigned char *bytes, size_t n)
{
	unsigned space;

	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++)
		if (strlen(eng_lmdb_space_names[space]) == key_bytes &&
		    !memcmp(eng_lmdb_space_names[space], key, key_bytes))
			break;
	if (space == PAWL_STORE_SPACE_COUNT) {
		c->stranger = true;
		return 0;
	}
	if (n != sizeof(c->named[0]))
		return damaged(c, page, "has a space that is none");
	memcpy(&c->named[space], bytes, n);
	c->named_n++;
	return 0;
}

static int check_value(struct check *c, const struct level *level, const struct node *node,
		       const unsigned char *key)
{
	const unsigned char *bytes = key + node->key_bytes;
	size_t n = node->low | (size_t)node->high << 16, first;
	size_t room = (size_t)(level->page + c->page_bytes - bytes);
	bool free_pages = c->tree->flags & INTEGER_KEYS;
	int error;

	if (node->flags & BIG) {
		if (node->flags != BIG || room < sizeof(first))
			return damaged(c, level->number, "a value lies outside");
		memcpy(&first, bytes, sizeof(first));
		error = check_overflow(c, first, n);
		if (!error && free_pages)
			error = check_big_free_list(c, level->number, first, n);
		return error;
	}
	if (n > room)
		return damaged(c, level->number, "a value lies outside");
	if (node->flags == SUBTREE && !c->want_key && !free_pages)
		return check_subtree(c, level->number, key, node->key_bytes, bytes, n);
	if (node->flags)
		return damaged(c, level->number, "a node is of no known kind");
	if (!c->want_key && node->key_bytes == sizeof(ENG_LMDB_MARK) - 1 &&
	    !memcmp(key, ENG_LMDB_MARK, node->key_bytes))
		c->mark = true;
	return free_pages ? check_free_list(c, level->number, bytes, n) : 0;
}

static int check_leaf(struct check *c, const struct level *level)
{
	const unsigned char *key;
	struct node node;
	unsigned i;
	int error = 0;

	for (i = 0; !error && i < level->n; i++) {
		error = node_of(c, level, i, &node, &key);
		if (!error)
			error = check_key(c, level->number, key, node.key_bytes);
		if (!error)
			error = check_value(c, level, &node, key);
	}
	c->found.entries += level->n;
	return error;
}

/* To the child that comes next in a branch. What is left of it has smaller keys than its separator. */
static int descend(struct check *c, unsigned depth)
{
	struct level *level = &c->levels[depth];
	const unsigned char *key;
	struct node node;
	size_t child;
	int error = node_of(c, level, level->at, &node, &key);

	if (error)
		return error;
	child = node.low | (size_t)node.high << 16 | (size_t)node.flags << 32;
	if (level->at) {
		if ((c->tree->flags & INTEGER_KEYS && node.key_bytes != sizeof(size_t)) ||
		    (c->any &&
		     compare(c, c->last_key, c->last_bytes, key, node.key_bytes) >= 0))
			return damaged(c, level->number, "a separator is wrong");
		memcpy(c->bound, key, node.key_bytes);
		c->bound_bytes = node.key_bytes;
		c->bounded = true;
	}
	level->at++;
	return enter(c, depth + 1, child);
}

static int check_tree(struct check *c, const char *name, const struct tree *tree,
		      size_t want_key)
{
	unsigned depth = 0;
	int error;

	c->name = name;
	c->tree = tree;
	c->want_key = want_key;
	c->any = c->bounded = false;
	memset(&c->found, 0, sizeof(c->found));
	if (tree->root == NO_PAGE)
		return tree->entries || tree->depth
			       ? damaged(c, 0, "is empty and says it is not")
			       : 0;
	if (!tree->depth || tree->depth > DEPTH)
		return damaged(c, tree->root, "its tree has a depth that is none");
	error = enter(c, 0, tree->root);
	while (!error) {
		struct level *level = &c->levels[depth];

		if (depth + 1u == tree->depth) {
			error = check_leaf(c, level);
			level->at = level->n;
		}
		if (!error && level->at < level->n) {
			error = descend(c, depth);
			depth++;
		} else if (depth) {
			depth--;
		} else {
			break;
		}
	}
	if (error)
		return error;
	if (c->found.branches != tree->branches || c->found.leaves != tree->leaves ||
	    c->found.overflows != tree->overflows || c->found.entries != tree->entries)
		return damaged(c, tree->root, "has other counts than it says");
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------- */

/* The root that this transaction sees. */
static int find_meta(struct check *c, size_t txn, struct meta *ret_meta)
{
	struct header header;
	unsigned i;
	int error;

	c->name = "the file";
	for (i = 0; i < 2; i++) {
		error = read_at(c, i * c->page_bytes, &header, sizeof(header));
		if (!error)
			error = read_at(c, i * c->page_bytes + HEADER, ret_meta,
					sizeof(*ret_meta));
		if (error)
			return error;
		if (!(header.flags & META) || ret_meta->magic != MAGIC ||
		    ret_meta->version != DATA)
			return damaged(c, i, "is no first page of LMDB");
		if (ret_meta->txn == txn)
			break;
	}
	if (i == 2)
		return -EAGAIN;
	if (ret_meta->trees[1].flags)
		return eng_why(c->why, -EMEDIUMTYPE, 0, "data.mdb is another program's");
	if (ret_meta->trees[0].pad != c->page_bytes ||
	    (ret_meta->trees[0].flags & 0xff & ~1) != INTEGER_KEYS ||
	    ret_meta->last_page > SIZE_MAX / c->page_bytes - 1)
		return damaged(c, i, "is a first page of something else");
	return 0;
}

static int check_all(struct check *c, const struct meta *meta, bool all)
{
	unsigned space;
	size_t page;
	int error = check_tree(c, "the main database", &meta->trees[1], 0);

	if (!error && !c->mark)
		return eng_why(c->why, -EMEDIUMTYPE, 0, "data.mdb is another program's");
	if (!error && (c->named_n != PAWL_STORE_SPACE_COUNT || c->stranger))
		error = damaged(c, meta->trees[1].root,
				"has not the spaces that it should have");
	for (space = 0; all && !error && space < PAWL_STORE_SPACE_COUNT; space++) {
		if (c->named[space].flags)
			error = damaged(c, c->named[space].root, "is of another kind");
		else
			error = check_tree(c, eng_lmdb_space_names[space], &c->named[space],
					   space == PAWL_STORE_TYPES ? 16 : 4);
	}
	if (!error && all)
		error = check_tree(c, "the free pages", &meta->trees[0], sizeof(size_t));
	for (page = 2; all && !error && page <= c->last_page; page++)
		if (marked(c->used, page) && marked(c->free, page))
			error = damaged(c, page, "is free and in use");
	return error;
}

int eng_lmdb_check(struct lmdb_store *s, MDB_txn *txn, bool all, struct pawl_store_why *why)
{
	struct check *c = pawl_mem_zalloc(sizeof(*c), 0);
	size_t map = 0, pages = 0;
	struct meta meta;
	MDB_stat stat;
	int error = -ENOMEM;

	if (!c)
		return eng_why(why, -ENOMEM, 0, "no memory");
	c->why = why;
	mdb_env_stat(s->env, &stat);
	c->page_bytes = stat.ms_psize;
	if (!mdb_env_get_fd(s->env, &c->fd) && c->page_bytes <= PAGE_MAX)
		error = find_meta(c, mdb_txn_id(txn), &meta);
	if (!error) {
		c->last_page = meta.last_page;
		map = c->last_page / 8 + 1;
		pages = (DEPTH + 1) * c->page_bytes;
		c->used = pawl_mem_zalloc(map, 0);
		c->free = pawl_mem_zalloc(map, 0);
		c->pages = pawl_mem_alloc(pages, 0);
		error = c->used && c->free && c->pages ? check_all(c, &meta, all) : -ENOMEM;
	}
	if (error == -ENOMEM)
		eng_why(why, error, 0, "no memory");
	pawl_mem_free(c->used, map, 0);
	pawl_mem_free(c->free, map, 0);
	pawl_mem_free(c->pages, pages, 0);
	pawl_mem_free(c, sizeof(*c), 0);
	return error;
}

#endif
