/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded cursors for reading and writing wire bytes. An access out of bounds
 * sets a sticky error, reads zero and writes nothing: check ok once at the end.
 */
#ifndef KEDGE_BUF_H
#define KEDGE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rbuf {
	const uint8_t *p, *end;
	bool bad;
};

void rbuf_init(struct rbuf *rb, const void *data, size_t len);
size_t rbuf_left(const struct rbuf *rb);
uint8_t rbuf_u8(struct rbuf *rb);
uint16_t rbuf_u16(struct rbuf *rb);	/* network to host order, as all below */
uint32_t rbuf_u32(struct rbuf *rb);
uint64_t rbuf_u64(struct rbuf *rb);
void rbuf_bytes(struct rbuf *rb, void *out, size_t n);
/* n bytes in place, or NULL (and the error) where there are fewer. */
const uint8_t *rbuf_take(struct rbuf *rb, size_t n);
/* A cursor over the next n bytes, which are skipped here. */
struct rbuf rbuf_sub(struct rbuf *rb, size_t n);

struct wbuf {
	uint8_t *base;
	size_t len, cap;
	bool bad;
};

void wbuf_init(struct wbuf *wb, void *mem, size_t cap);
void wbuf_u8(struct wbuf *wb, uint8_t v);
void wbuf_u16(struct wbuf *wb, uint16_t v);
void wbuf_u32(struct wbuf *wb, uint32_t v);
void wbuf_u64(struct wbuf *wb, uint64_t v);
void wbuf_bytes(struct wbuf *wb, const void *p, size_t n);
void wbuf_zero(struct wbuf *wb, size_t n);
/* Room for n bytes, to be filled by the caller; NULL and the error if none. */
uint8_t *wbuf_reserve(struct wbuf *wb, size_t n);
/* Overwrites two or one of the bytes already written. */
void wbuf_set_u16(struct wbuf *wb, size_t at, uint16_t v);
void wbuf_set_u8(struct wbuf *wb, size_t at, uint8_t v);

#endif
