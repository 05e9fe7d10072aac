/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/esp.h"

enum {
	KEY_LEN = 32,
	SALT_LEN = 4,
	IV_LEN = 8,
	NONCE_LEN = SALT_LEN + IV_LEN,
	AAD_LEN = 8,		/* SPI and sequence number, as the header */
	HDR_LEN = AAD_LEN + IV_LEN,
	TRAILER_LEN = 2,	/* pad length, next header */
	ICV_LEN = 16,
};

_Static_assert(KEY_LEN + SALT_LEN == ESP_KEY_LEN, "key and salt");
_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_LEN &&
	       crypto_aead_aes256gcm_NPUBBYTES == NONCE_LEN &&
	       crypto_aead_chacha20poly1305_ietf_KEYBYTES == KEY_LEN &&
	       crypto_aead_aes256gcm_KEYBYTES == KEY_LEN &&
	       crypto_aead_chacha20poly1305_ietf_ABYTES == ICV_LEN &&
	       crypto_aead_aes256gcm_ABYTES == ICV_LEN, "AEAD parameters");

_Static_assert(sizeof(crypto_aead_aes256gcm_state) == ESP_AES_LEN &&
	       _Alignof(crypto_aead_aes256gcm_state) == 16, "AES's schedule");

static crypto_aead_aes256gcm_state *aes_state(struct esp_sa *sa)
{
	crypto_aead_aes256gcm_state *state = (void *)sa->aes;

	if (!sa->aes_made)
		crypto_aead_aes256gcm_beforenm(state, sa->key);
	sa->aes_made = true;
	return state;
}

static void aes_seal(struct esp_sa *sa, const uint8_t *nonce, uint8_t *p,
		     size_t len, const uint8_t *aad)
{
	crypto_aead_aes256gcm_encrypt_afternm(p, NULL, p, len, aad, AAD_LEN,
					      NULL, nonce, aes_state(sa));
}

static int aes_open(struct esp_sa *sa, const uint8_t *nonce, uint8_t *out,
		    const uint8_t *p, size_t len, const uint8_t *aad)
{
	return crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, p, len,
						     aad, AAD_LEN, nonce,
						     aes_state(sa));
}

static void chacha_seal(struct esp_sa *sa, const uint8_t *nonce, uint8_t *p,
			size_t len, const uint8_t *aad)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(p, NULL, p, len, aad,
						  AAD_LEN, NULL, nonce,
						  sa->key);
}

static int chacha_open(struct esp_sa *sa, const uint8_t *nonce, uint8_t *out,
		       const uint8_t *p, size_t len, const uint8_t *aad)
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, p,
							 len, aad, AAD_LEN,
							 nonce, sa->key);
}

/* seal works in place and appends the ICV; open returns 0 where it is right,
 * and leaves it out. */
static const struct {
	const char *name;
	void (*seal)(struct esp_sa *sa, const uint8_t *nonce, uint8_t *p,
		     size_t len, const uint8_t *aad);
	int (*open)(struct esp_sa *sa, const uint8_t *nonce, uint8_t *out,
		    const uint8_t *p, size_t len, const uint8_t *aad);
} algs[] = {
	[ESP_CHACHA20_POLY1305] = {
		"chacha20-poly1305", chacha_seal, chacha_open,
	},
	[ESP_AES_256_GCM] = { "aes-256-gcm", aes_seal, aes_open },
};

enum {
	N_ALGS = sizeof(algs) / sizeof(algs[0]),
};

int esp_init(void)
{
	return sodium_init() < 0 ? -ENOSYS : 0;
}

bool esp_alg_available(enum esp_alg alg)
{
	switch (alg) {
	case ESP_CHACHA20_POLY1305:
		return true;
	case ESP_AES_256_GCM:
		return crypto_aead_aes256gcm_is_available();
	}
	return false;
}

int esp_alg_parse(const char *name, enum esp_alg *alg)
{
	for (unsigned int i = 0; i < N_ALGS; i++) {
		if (strcmp(name, algs[i].name) == 0) {
			*alg = (enum esp_alg)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *esp_alg_str(enum esp_alg alg)
{
	return (unsigned int)alg < N_ALGS ? algs[alg].name : "?";
}

/* RFC 4106 4 and RFC 7634 2: the salt, then the packet's IV */
static void make_nonce(uint8_t nonce[NONCE_LEN], const struct esp_sa *sa,
		       const uint8_t *iv)
{
	memcpy(nonce, sa->key + KEY_LEN, SALT_LEN);
	memcpy(nonce + SALT_LEN, iv, IV_LEN);
}

/* RFC 4303 2.4: payload, padding 1, 2, 3, ... up to 4 octets, trailer */
static void put_plaintext(struct wbuf *wb, const uint8_t *p, size_t len,
			  uint8_t next_header)
{
	uint8_t pad = (uint8_t)((4 - (len + TRAILER_LEN) % 4) % 4);

	wbuf_bytes(wb, p, len);
	for (uint8_t i = 1; i <= pad; i++)
		wbuf_u8(wb, i);
	wbuf_u8(wb, pad);
	wbuf_u8(wb, next_header);
}

ssize_t esp_seal(struct esp_sa *sa, uint8_t *out, size_t cap,
		 uint8_t next_header, const uint8_t *p, size_t len)
{
	uint8_t nonce[NONCE_LEN];
	struct wbuf wb;

	if (!esp_alg_available(sa->alg))
		return -ENOSYS;
	/* RFC 4303 3.3.3: never let the number cycle */
	if (sa->seq == UINT32_MAX)
		return -EOVERFLOW;
	if (cap < ICV_LEN)
		return -EMSGSIZE;
	wbuf_init(&wb, out, cap - ICV_LEN);
	wbuf_u32(&wb, sa->spi);
	wbuf_u32(&wb, sa->seq + 1);
	wbuf_u64(&wb, sa->seq + 1);	/* IV */
	put_plaintext(&wb, p, len, next_header);
	if (wb.bad) {
		sodium_memzero(out, wb.len);
		return -EMSGSIZE;
	}

	sa->seq++;
	make_nonce(nonce, sa, out + AAD_LEN);
	algs[sa->alg].seal(sa, nonce, out + HDR_LEN, wb.len - HDR_LEN, out);
	return (ssize_t)(wb.len + ICV_LEN);
}

static uint64_t *window_word(struct esp_sa *sa, uint32_t seq)
{
	return &sa->window[seq % ESP_WINDOW / 64];
}

static uint64_t window_bit(uint32_t seq)
{
	return UINT64_C(1) << seq % 64;
}

/* RFC 4303 3.4.3; 0 is never sent */
static bool window_fresh(struct esp_sa *sa, uint32_t seq)
{
	if (seq == 0)
		return false;
	if (seq > sa->highest)
		return true;
	if (sa->highest - seq >= ESP_WINDOW)
		return false;
	return !(*window_word(sa, seq) & window_bit(seq));
}

/* Only after the ICV has been verified. */
static void window_update(struct esp_sa *sa, uint32_t seq)
{
	if (seq > sa->highest && seq - sa->highest >= ESP_WINDOW) {
		memset(sa->window, 0, sizeof(sa->window));
		sa->highest = seq;
	}
	while (sa->highest < seq) {
		sa->highest++;
		*window_word(sa, sa->highest) &= ~window_bit(sa->highest);
	}
	*window_word(sa, seq) |= window_bit(seq);
}

/* RFC 4303 2.4: the receiver inspects the padding. False if it is wrong. */
static bool trailer_parse(const uint8_t *clear, size_t clear_len,
			  size_t *payload_len, uint8_t *next_header)
{
	size_t pad;

	if (clear_len < TRAILER_LEN)
		return false;
	pad = clear[clear_len - 2];
	if (pad > clear_len - TRAILER_LEN)
		return false;
	*payload_len = clear_len - TRAILER_LEN - pad;
	*next_header = clear[clear_len - 1];
	for (size_t i = 0; i < pad; i++) {
		if (clear[*payload_len + i] != i + 1)
			return false;
	}
	return true;
}

enum reason esp_open(struct esp_sa *sa, uint8_t *out, size_t cap,
		     size_t *out_len, uint8_t *next_header, uint32_t *seq,
		     const uint8_t *p, size_t len)
{
	uint8_t nonce[NONCE_LEN];
	uint32_t packet_seq;
	size_t clear_len;
	struct rbuf rb;

	*out_len = 0;
	*next_header = 0;
	if (len < HDR_LEN + TRAILER_LEN + ICV_LEN)
		return REASON_ESP_TRUNCATED;
	if (cap < len)
		return REASON_OVERSIZE;
	rbuf_init(&rb, p, len);
	if (rbuf_u32(&rb) != sa->spi)
		return REASON_ESP_UNKNOWN_SPI;
	packet_seq = rbuf_u32(&rb);
	if (!window_fresh(sa, packet_seq))
		return REASON_ESP_REPLAY;

	clear_len = len - HDR_LEN - ICV_LEN;
	make_nonce(nonce, sa, p + AAD_LEN);
	if (!esp_alg_available(sa->alg) ||
	    algs[sa->alg].open(sa, nonce, out, p + HDR_LEN, len - HDR_LEN,
			       p)) {
		sodium_memzero(out, clear_len);
		return REASON_ESP_AUTH;
	}
	window_update(sa, packet_seq);
	if (!trailer_parse(out, clear_len, out_len, next_header)) {
		sodium_memzero(out, clear_len);
		*out_len = 0;
		*next_header = 0;
		return REASON_ESP_PADDING;
	}
	if (seq)
		*seq = packet_seq;
	return REASON_NONE;
}

uint32_t esp_spi(const uint8_t *p, size_t len)
{
	struct rbuf rb;

	rbuf_init(&rb, p, len);
	return rbuf_u32(&rb);
}

void esp_fini(struct esp_sa *sa)
{
	sodium_memzero(sa->key, sizeof(sa->key));
	sodium_memzero(sa->aes, sizeof(sa->aes));
	sa->aes_made = false;
}
