/* SPDX-License-Identifier: BSD-2-Clause */
/* The program sluice: a table of commands, and nothing else. */
#include "command/command.h"

int main(int argc, char **argv)
{
	return command_main(&command_program_sluice, argc, argv);
}
