/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: an octet that says what the rest is.
 *   0  an ESP packet as it comes: must be refused, and change nothing
 *   1  a plaintext, trailer included, protected here under the SA's key
 *   2  a payload, which must come back from seal and open
 *   3  sequence numbers, 32 bit each, as moves from the highest so far: held
 *      against a list of all that were accepted
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/esp.h"

enum {
	MAX = 1500,
	MOVES_MAX = 300,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static struct esp_sa new_sa(void)
{
	struct esp_sa sa = {.spi = 0x01020304, .alg = ESP_CHACHA20_POLY1305};

	memset(sa.key, 7, sizeof(sa.key));
	return sa;
}

static void as_it_comes(const uint8_t *p, size_t len)
{
	struct esp_sa sa = new_sa(), before = sa;
	uint8_t out[MAX], next_header;
	size_t n;

	esp_spi(p, len);
	check(esp_open(&sa, out, sizeof(out), &n, &next_header, NULL, p,
		       len) != REASON_NONE);
	check(n == 0 && !memcmp(&sa, &before, sizeof(sa)));
}

static size_t protect(const struct esp_sa *sa, uint8_t *packet, uint32_t seq,
		      const uint8_t *clear, size_t len)
{
	uint8_t nonce[12] = {0};
	unsigned long long n;

	for (int i = 0; i < 4; i++) {
		packet[i] = (uint8_t)(sa->spi >> (24 - 8 * i));
		packet[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
	}
	memset(packet + 8, 0, 8);
	memcpy(nonce, sa->key + 32, 4);
	crypto_aead_chacha20poly1305_ietf_encrypt(packet + 16, &n, clear, len,
						  packet, 8, NULL, nonce,
						  sa->key);
	return 16 + (size_t)n;
}

static void plaintext(const uint8_t *clear, size_t clear_len)
{
	uint8_t packet[MAX + 32], out[MAX + 32] = {0}, next_header;
	struct esp_sa sa = new_sa();
	size_t n, len = protect(&sa, packet, 1, clear, clear_len);
	enum reason reason = esp_open(&sa, out, sizeof(out), &n, &next_header,
				      NULL, packet, len);

	if (reason == REASON_NONE) {
		check(n + 2 + clear[clear_len - 2] == clear_len);
		check(next_header == clear[clear_len - 1]);
		check(!memcmp(out, clear, n));
		for (size_t i = n; i < clear_len - 2; i++)
			check(clear[i] == i - n + 1);
	} else {
		check(reason == (clear_len < 2 ? REASON_ESP_TRUNCATED :
				 REASON_ESP_PADDING));
		check(n == 0 && sodium_is_zero(out, sizeof(out)));
	}
	check((sa.highest == 1) == (clear_len >= 2));
}

static void payload(const uint8_t *p, size_t len)
{
	uint8_t packet[MAX + ESP_OVERHEAD_MAX], out[sizeof(packet)], next;
	struct esp_sa out_sa = new_sa(), in_sa = new_sa();
	ssize_t got = esp_seal(&out_sa, packet, sizeof(packet), 135, p, len);
	size_t n;

	check(got > 0 && got % 4 == 0);
	check(esp_open(&in_sa, out, sizeof(out), &n, &next, NULL, packet,
		       (size_t)got) == REASON_NONE);
	check(n == len && next == 135 && (!n || !memcmp(out, p, n)));
}

static void moves(const uint8_t *p, size_t len)
{
	uint32_t accepted[MOVES_MAX], highest = 0, seq;
	struct esp_sa sa = new_sa();
	size_t n_accepted = 0;

	for (size_t i = 0; i + 4 <= len && i / 4 < MOVES_MAX; i += 4) {
		uint8_t packet[64], out[64], next_header;
		size_t n;
		bool fresh;

		memcpy(&seq, p + i, 4);
		seq += highest;
		fresh = seq && (seq > highest || highest - seq < ESP_WINDOW);
		for (size_t k = 0; k < n_accepted; k++)
			fresh = fresh && accepted[k] != seq;
		n = protect(&sa, packet, seq, (const uint8_t *)"\0\x87", 2);
		check((esp_open(&sa, out, sizeof(out), &n, &next_header, NULL,
				packet, n) == REASON_NONE) == fresh);
		if (!fresh)
			continue;
		accepted[n_accepted++] = seq;
		if (seq > highest)
			highest = seq;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (esp_init() < 0)
		abort();
	if (size < 1 || size > MAX)
		return 0;
	switch (data[0] % 4) {
	case 0:
		as_it_comes(data + 1, size - 1);
		break;
	case 1:
		plaintext(data + 1, size - 1);
		break;
	case 2:
		payload(data + 1, size - 1);
		break;
	case 3:
		moves(data + 1, size - 1);
		break;
	}
	return 0;
}
