/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a corpus go in, each once through the fuzz target; nothing comes out unless the target
 * finds fault. Lets `make test` replay every kept input without a fuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A buffer of exactly the file's size, so that the sanitizer sees the first byte read beyond it. */
static int replay(const char *path)
{
	static uint8_t room[INPUT_BYTES_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t bytes;

	if (!file) {
		perror(path);
		return 1;
	}
	bytes = fread(room, 1, sizeof(room), file);
	fclose(file);
	data = malloc(bytes ? bytes : 1);
	if (!data)
		return 1;
	for (size_t i = 0; i < bytes; i++)
		data[i] = room[i];
	printf("%s: %zu bytes\n", path, bytes);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, bytes);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%d inputs replayed\n", argc);
	return failed;
}
