/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target over the files and folders of its arguments, for where
 * there is no libFuzzer. Not to be linked with -fsanitize=fuzzer.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int n_files;

static int run_file(const char *path, const struct stat *st, int type,
		    struct FTW *ftw)
{
	size_t size = (size_t)st->st_size;
	uint8_t *data;
	FILE *file;
	int ok;

	(void)ftw;
	if (type != FTW_F)
		return 0;
	/* of the file's very size, so that the sanitizer sees an overrun */
	data = malloc(size ? size : 1);
	file = fopen(path, "rb");
	ok = data && file && fread(data, 1, size, file) == size;
	if (ok) {
		LLVMFuzzerTestOneInput(data, size);
		n_files++;
	} else {
		fprintf(stderr, "%s: cannot read\n", path);
	}
	if (file)
		fclose(file);
	free(data);
	return ok ? 0 : -1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], run_file, 16, FTW_PHYS)) {
			fprintf(stderr, "%s: failed\n", argv[i]);
			return EXIT_FAILURE;
		}
	}
	printf("%u inputs\n", n_files);
	return n_files ? EXIT_SUCCESS : EXIT_FAILURE;
}
