/* SPDX-License-Identifier: BSD-2-Clause */
/* version.c - is the library that runs the one that the program was compiled for? */
#include <stdio.h>
#include <string.h>

#include <pawl/version.h>

int main(void)
{
	printf("headers %s, library %s (%s)\n", PAWL_VERSION_STRING, pawl_version_string(),
	       pawl_build_string());
	if (pawl_version() / 1000 != PAWL_VERSION_NUMBER / 1000) {
		/* While MAJOR is 0, another MINOR may be another ABI. */
		fprintf(stderr, "this program needs Pawl %d.%d\n", PAWL_VERSION_MAJOR,
			PAWL_VERSION_MINOR);
		return 1;
	}
	return strlen(pawl_build_string()) > 0 ? 0 : 1;
}
