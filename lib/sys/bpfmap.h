/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dp.c and sockhook.c need to take over pinned maps. */
#ifndef KEDGE_BPFMAP_H
#define KEDGE_BPFMAP_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

static inline bool bpfmap_same_shape(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

#endif
