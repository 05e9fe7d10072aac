/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEDGE_CLI_RUN_H
#define KEDGE_CLI_RUN_H

/* kedgectl run; argv[0] is "run". Returns only where it fails: exit status. */
int run_command(int argc, char **argv);

#endif
