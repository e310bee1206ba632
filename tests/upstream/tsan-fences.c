/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsan-fences.c - ThreadSanitizer does not model fences, and does not see atomics that are
 * inline assembly: it reports races in programs that have none.
 *
 * Two programs are compiled with -fsanitize=thread and run: message passing
 * with a release fence, a relaxed flag and an acquire fence; and an object that is
 * handed over under a spin lock of Concurrency Kit.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "upstream.h"

static const char fences[] =
	"#include <pthread.h>\n"
	"#include <stdatomic.h>\n"
	"static int data;\n"
	"static atomic_int flag;\n"
	"static void *writer(void *arg)\n"
	"{\n"
	"	data = 1;\n"
	"	atomic_thread_fence(memory_order_release);\n"
	"	atomic_store_explicit(&flag, 1, memory_order_relaxed);\n"
	"	return arg;\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	pthread_t thread;\n"
	"	int seen;\n"
	"	pthread_create(&thread, 0, writer, 0);\n"
	"	while (!atomic_load_explicit(&flag, memory_order_relaxed))\n"
	"		;\n"
	"	atomic_thread_fence(memory_order_acquire);\n"
	"	seen = data;\n"
	"	pthread_join(thread, 0);\n"
	"	return seen == 1 ? 0 : 2;\n"
	"}\n";

static const char assembly[] = "#include <pthread.h>\n"
			       "#include <ck_spinlock.h>\n"
			       "static ck_spinlock_fas_t lock = CK_SPINLOCK_FAS_INITIALIZER;\n"
			       "static int data;\n"
			       "static void *add(void *arg)\n"
			       "{\n"
			       "	for (int i = 0; i < 100000; i++) {\n"
			       "		ck_spinlock_fas_lock(&lock);\n"
			       "		data++;\n"
			       "		ck_spinlock_fas_unlock(&lock);\n"
			       "	}\n"
			       "	return arg;\n"
			       "}\n"
			       "int main(void)\n"
			       "{\n"
			       "	pthread_t thread;\n"
			       "	pthread_create(&thread, 0, add, 0);\n"
			       "	add(0);\n"
			       "	pthread_join(thread, 0);\n"
			       "	return data == 200000 ? 0 : 2;\n"
			       "}\n";

/* Exit status of a program that ThreadSanitizer complains about. */
enum { COMPLAINT = 66 };

/* Returns the exit status, -1 if it could not be built or run. */
static int build_and_run(const char *dir, const char *compiler, const char *source)
{
	char text[1024];
	FILE *file;
	int status;

	snprintf(text, sizeof(text), "%s/t.c", dir);
	file = fopen(text, "w");
	if (!file)
		return -1;
	fputs(source, file);
	fclose(file);
	snprintf(
		text, sizeof(text),
		"cd '%s' && %s -std=gnu11 -O1 -g -w -pthread -fsanitize=thread -o t t.c 2>/dev/null",
		dir, compiler);
	if (system(text))
		return -1;
	snprintf(text, sizeof(text),
		 "TSAN_OPTIONS=exitcode=%d timeout 10 '%s/t' >/dev/null 2>&1", COMPLAINT, dir);
	status = system(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Returns whether anything could be told. */
static bool show(const char *dir, const char *compiler, const char *name, const char *source)
{
	int status = build_and_run(dir, compiler, source);

	if (status != 0 && status != COMPLAINT)
		return false;
	upstream_say(name, status == COMPLAINT, "%s: %s in a program that has no race",
		     compiler,
		     status == COMPLAINT ? "a race is reported" : "nothing is reported");
	return true;
}

int main(void)
{
	static const char *const compilers[] = {"gcc", "clang", "clang-14"};
	char dir[] = "/tmp/pawl-upstream-XXXXXX";
	unsigned told = 0;
	char text[64];

	if (!mkdtemp(dir))
		upstream_cannot_tell("tsan-fences", "no temporary folder");
	for (unsigned i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++) {
		told += show(dir, compilers[i], "tsan-fences", fences);
		told += show(dir, compilers[i], "tsan-assembly", assembly);
	}
	snprintf(text, sizeof(text), "%s/t.c", dir);
	unlink(text);
	snprintf(text, sizeof(text), "%s/t", dir);
	unlink(text);
	rmdir(dir);
	if (!told)
		upstream_cannot_tell("tsan-fences", "no compiler with ThreadSanitizer");
	return 0;
}
