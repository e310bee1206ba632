/* SPDX-License-Identifier: BSD-2-Clause */
#include "help.h"

#include "gen/help-text.h"
#include "gen/version.h"

const char help_text[] = HELP_TEXT;
const char version_text[] = "abacus " ABACUS_VERSION "\n";
