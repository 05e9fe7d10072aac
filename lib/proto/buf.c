/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "proto/buf.h"

void rbuf_init(struct rbuf *rb, const void *data, size_t len)
{
	static const uint8_t none[1];

	rb->p = data ? data : none;
	rb->end = rb->p + (data ? len : 0);
	rb->bad = false;
}

size_t rbuf_left(const struct rbuf *rb)
{
	return (size_t)(rb->end - rb->p);
}

const uint8_t *rbuf_take(struct rbuf *rb, size_t n)
{
	const uint8_t *p = rb->p;

	if (rb->bad || n > rbuf_left(rb)) {
		/* whoever loops while bytes are left must come to an end */
		rb->bad = true;
		rb->p = rb->end;
		return NULL;
	}
	rb->p += n;
	return p;
}

/* An unsigned integer of n bytes, most significant first. */
static uint64_t take_uint(struct rbuf *rb, size_t n)
{
	const uint8_t *p = rbuf_take(rb, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t rbuf_u8(struct rbuf *rb)
{
	return (uint8_t)take_uint(rb, 1);
}

uint16_t rbuf_u16(struct rbuf *rb)
{
	return (uint16_t)take_uint(rb, 2);
}

uint32_t rbuf_u32(struct rbuf *rb)
{
	return (uint32_t)take_uint(rb, 4);
}

uint64_t rbuf_u64(struct rbuf *rb)
{
	return take_uint(rb, 8);
}

void rbuf_bytes(struct rbuf *rb, void *out, size_t n)
{
	const uint8_t *p = rbuf_take(rb, n);

	if (!n)
		return;
	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

struct rbuf rbuf_sub(struct rbuf *rb, size_t n)
{
	const uint8_t *p = rbuf_take(rb, n);
	struct rbuf sub;

	rbuf_init(&sub, p, n);
	sub.bad = !p;
	return sub;
}

void wbuf_init(struct wbuf *wb, void *mem, size_t cap)
{
	wb->base = mem;
	wb->len = 0;
	wb->cap = mem ? cap : 0;
	wb->bad = false;
}

uint8_t *wbuf_reserve(struct wbuf *wb, size_t n)
{
	uint8_t *p;

	if (wb->bad || n > wb->cap - wb->len) {
		wb->bad = true;
		return NULL;
	}
	p = wb->base ? wb->base + wb->len : NULL;
	wb->len += n;
	return p;
}

/* v in n bytes, most significant first. */
static void put_uint(struct wbuf *wb, uint64_t v, size_t n)
{
	uint8_t *p = wbuf_reserve(wb, n);

	for (size_t i = n; p && i > 0; i--, v >>= 8)
		p[i - 1] = (uint8_t)v;
}

void wbuf_u8(struct wbuf *wb, uint8_t v)
{
	put_uint(wb, v, 1);
}

void wbuf_u16(struct wbuf *wb, uint16_t v)
{
	put_uint(wb, v, 2);
}

void wbuf_u32(struct wbuf *wb, uint32_t v)
{
	put_uint(wb, v, 4);
}

void wbuf_u64(struct wbuf *wb, uint64_t v)
{
	put_uint(wb, v, 8);
}

void wbuf_bytes(struct wbuf *wb, const void *p, size_t n)
{
	uint8_t *to = wbuf_reserve(wb, n);

	if (to && n)
		memcpy(to, p, n);
}

void wbuf_zero(struct wbuf *wb, size_t n)
{
	uint8_t *to = wbuf_reserve(wb, n);

	if (to && n)
		memset(to, 0, n);
}

void wbuf_set_u16(struct wbuf *wb, size_t at, uint16_t v)
{
	if (wb->bad || wb->len < 2 || at > wb->len - 2) {
		wb->bad = true;
		return;
	}
	wb->base[at] = (uint8_t)(v >> 8);
	wb->base[at + 1] = (uint8_t)v;
}

void wbuf_set_u8(struct wbuf *wb, size_t at, uint8_t v)
{
	if (wb->bad || at >= wb->len) {
		wb->bad = true;
		return;
	}
	wb->base[at] = v;
}
