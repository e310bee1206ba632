/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-slist-prevptr.c - CK_SLIST_REMOVE_PREVPTR uses a name that is not one of its arguments:
 * it compiles only where a variable `prevptr` happens to be, and then writes there.
 */
#include <ck_queue.h>

#include "upstream.h"

struct element {
	CK_SLIST_ENTRY(element) link;
};
CK_SLIST_HEAD(list, element);

int main(void)
{
	struct list right = CK_SLIST_HEAD_INITIALIZER(right);
	struct list wrong = CK_SLIST_HEAD_INITIALIZER(wrong);
	struct element a;
	struct element b;
	/* A bystander; without one the line below does not compile with 0.7.1. */
	struct element **prevptr = &wrong.cslh_first;
	struct element **place = &right.cslh_first;

	CK_SLIST_INSERT_HEAD(&right, &a, link);
	CK_SLIST_INSERT_HEAD(&wrong, &b, link);
	CK_SLIST_REMOVE_PREVPTR(place, &a, link);
	(void)place;
	(void)prevptr;
	upstream_say("ck-slist-prevptr", !CK_SLIST_EMPTY(&right),
		     "the element is removed from %s",
		     CK_SLIST_EMPTY(&right) ? "its list"
					    : "whatever a variable `prevptr` points to");
	return 0;
}
