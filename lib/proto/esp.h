/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ESP (RFC 4303), transport mode, 32-bit sequence numbers, with
 * CHACHA20-POLY1305 (RFC 7634) or AES-256-GCM-16 (RFC 4106). Pure: keeping
 * sequence numbers across restarts is the caller's (core/sadb).
 */
#ifndef KEDGE_ESP_H
#define KEDGE_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/reason.h"

enum esp_alg {
	ESP_CHACHA20_POLY1305,
	ESP_AES_256_GCM,
};

enum {
	ESP_TEXT_AT = 16,	/* behind SPI, number and IV, both algorithms */
	ESP_KEY_LEN = 36,	/* 32 of key, then 4 of salt, both algorithms */
	ESP_WINDOW = 1024,	/* packets */
	ESP_AES_LEN = 512,
	ESP_HEAD_LEN = 8 + 8,	/* SPI and number, IV; then what it holds */
	ESP_OVERHEAD_MAX = 8 + 8 + 3 + 2 + 16,
};

/* Zero-initialised but for spi, alg and key. */
struct esp_sa {
	uint32_t spi;
	enum esp_alg alg;
	uint8_t key[ESP_KEY_LEN];
	/* outbound: the last number used; the IV is the same number, so a
	 * number must never be used twice under one key (RFC 4106 3.1) */
	uint32_t seq;
	/* inbound: highest accepted, and a bit for each of the last 1024 */
	uint32_t highest;
	bool aes_made;
	/* AES's key schedule, made of the key with the first message */
	uint8_t aes[ESP_AES_LEN] __attribute__((aligned(16)));
	uint64_t window[ESP_WINDOW / 64];
};

/* Call once before anything else. 0, or -ENOSYS if libsodium fails. */
int esp_init(void);
/* Does this machine have what the algorithm needs (AES-NI for GCM)? */
bool esp_alg_available(enum esp_alg alg);
/* "chacha20-poly1305" | "aes-256-gcm"; -EINVAL for another name. */
int esp_alg_parse(const char *name, enum esp_alg *alg);
const char *esp_alg_str(enum esp_alg alg);

/*
 * Protects len bytes with the next sequence number. out may not overlap.
 * Returns the ESP packet's length, -EMSGSIZE, -ENOSYS where the algorithm is
 * not available, or -EOVERFLOW when the sequence numbers are used up (RFC
 * 4303 3.3.3): the SA is dead then. A failure uses no number up.
 */
ssize_t esp_seal(struct esp_sa *sa, uint8_t *out, size_t cap,
		 uint8_t next_header, const uint8_t *p, size_t len);

/*
 * Opens an ESP packet: replay check, ICV, window update, padding check, in
 * RFC 4303 3.4's order. The caller found the SA by esp_spi(). On success
 * *out_len bytes are at out (cap must be at least len) and *seq, if not NULL,
 * is the packet's number. Nothing of a packet that fails is left in out.
 * A dummy packet (RFC 4303 2.6) is a success with next header 59.
 */
enum reason esp_open(struct esp_sa *sa, uint8_t *out, size_t cap,
		     size_t *out_len, uint8_t *next_header, uint32_t *seq,
		     const uint8_t *p, size_t len);

/* SPI of an ESP packet; 0 (never a valid one) if it is too short. */
uint32_t esp_spi(const uint8_t *p, size_t len);

/* Wipes the key, and what was made of it. */
void esp_fini(struct esp_sa *sa);

#endif
