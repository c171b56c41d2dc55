/* SPDX-License-Identifier: GPL-2.0-only */
/* lazy.c: see lazy.h. What is opened stays: who asked once will ask again. */
#include "base/lazy.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

/* The first pointer is the last to be set: then all are there. */
static int fill_in(void *lib, const char *const *names, size_t n, void **to)
{
	for (size_t i = n; i--;) {
		void *f = dlsym(lib, names[i]);

		if (!f)
			return -ENOENT;
		to[i] = f;
	}
	return 0;
}

static int load(const char *const *files, const char *const *names, size_t n, void **to)
{
	int rc = -ENOENT;

	for (; *files && rc; files++) {
		void *lib = dlopen(*files, RTLD_NOW | RTLD_LOCAL);

		if (!lib)
			continue;
		rc = fill_in(lib, names, n, to);
		if (rc)
			dlclose(lib);
	}
	return rc;
}

int bf_lazy_load(const char *const *files, const char *const *names, size_t n, void *pointers)
{
	void **to = pointers;
	int rc;

	pthread_mutex_lock(&one);
	rc = to[0] ? 0 : load(files, names, n, to);
	pthread_mutex_unlock(&one);
	return rc;
}
