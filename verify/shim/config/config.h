/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What configure would write, for the model checker's builds: a release build. Debug builds
 * keep owner and rank in the lock word and look at them before each operation: every such look has
 * as many outcomes as the word has values, which multiplies the executions and
 * checks nothing of what is shipped.
 */
