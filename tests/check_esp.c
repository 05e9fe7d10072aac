/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/esp.h"

static const enum esp_alg algs[] = {ESP_CHACHA20_POLY1305, ESP_AES_256_GCM};

/* A vector in hexadecimal. */
struct vector {
	enum esp_alg alg;
	const char *key, *packet, *payload;
	uint32_t spi, seq;
	uint8_t next_header;
};

static const struct vector vectors[] = {
	{
		/* RFC 7634 appendix A */
		.alg = ESP_CHACHA20_POLY1305,
		.key = "808182838485868788898a8b8c8d8e8f"
		       "909192939495969798999a9b9c9d9e9fa0a1a2a3",
		.packet = "01020304000000051011121314151617"
			  "24039428b97f417e3c13753a4f05087b"
			  "67c352e6a7fab1b982d466ef407ae5c6"
			  "14ee8099d52844eb61aa95dfab4c02f7"
			  "2aa71e7c4c4f64c9befe2facc638e8f3"
			  "cbec163fac469b502773f6fb94e664da"
			  "9165b82829f641e0"
			  "76aaa8266b7fb0f7b11b369907e1ad43",
		.payload = "45000054a6f200004001e778c6336405"
			   "c000020508005b7a3a080000553bec10"
			   "0007362708090a0b0c0d0e0f10111213"
			   "1415161718191a1b1c1d1e1f20212223"
			   "2425262728292a2b2c2d2e2f30313233"
			   "34353637",
		.spi = 0x01020304,
		.seq = 5,
		.next_header = 4,
	},
	{
		/* draft-mcgrew-gcm-test-01, the ESP case with a 256 bit key;
		 * its GCM part found equal with python3-cryptography 38 */
		.alg = ESP_AES_256_GCM,
		.key = "abbccddef00112233445566778899aab"
		       "abbccddef00112233445566778899aab11223344",
		.packet = "4a2cbfe3000000020102030405060708"
			  "ff425c9b724599df7a3bcd510194e00d"
			  "6a78107f1b0b1cbf06efae9d65a5d763"
			  "748a637985771d347f0545659f14e99d"
			  "ef842d8e"
			  "b335f4eecfdbf831824b4c4915956c96",
		.payload = "4500003069a6400080062690c0a80102"
			   "9389155e0a9e008b2dc57ee000000000"
			   "7002400020bf0000020405b401010402",
		.spi = 0x4a2cbfe3,
		.seq = 2,
		.next_header = 1,
	},
};

/*
 * With the sequence number as IV, as we send: made with python3-cryptography
 * 38 (ChaCha20Poly1305 and AESGCM), payload 10 11 .. 20, next header 135.
 */
static const struct vector sealed[] = {
	{
		.alg = ESP_CHACHA20_POLY1305,
		.key = "808182838485868788898a8b8c8d8e8f"
		       "909192939495969798999a9b9c9d9e9fa0a1a2a3",
		.packet = "c0ffee01010203040000000001020304"
			  "802fa25dd1527bc3aca495efac536ada2419b3bf"
			  "a68c849df7d5f646063b5591c02d0bb4",
		.payload = "101112131415161718191a1b1c1d1e1f20",
		.spi = 0xc0ffee01,
		.seq = 0x01020304,
		.next_header = 135,
	},
	{
		.alg = ESP_AES_256_GCM,
		.key = "808182838485868788898a8b8c8d8e8f"
		       "909192939495969798999a9b9c9d9e9fa0a1a2a3",
		.packet = "c0ffee01010203040000000001020304"
			  "094b934e61dda6093d7a5efceb46054281ea6f82"
			  "3590923de0617e2f3efb6b9072d54bb8",
		.payload = "101112131415161718191a1b1c1d1e1f20",
		.spi = 0xc0ffee01,
		.seq = 0x01020304,
		.next_header = 135,
	},
};

static size_t unhex(uint8_t *out, size_t cap, const char *text)
{
	size_t n;

	ck_assert_int_eq(sodium_hex2bin(out, cap, text, strlen(text), NULL,
					&n, NULL), 0);
	return n;
}

static void setup(void)
{
	ck_assert_int_eq(esp_init(), 0);
}

/* False, said once a test, where the machine lacks the algorithm. */
static bool have(enum esp_alg alg)
{
	if (esp_alg_available(alg))
		return true;
	ck_assert_msg(!getenv("CI"), "no %s here", esp_alg_str(alg));
	printf("skipped: no %s here\n", esp_alg_str(alg));
	return false;
}

static struct esp_sa vector_sa(const struct vector *v)
{
	struct esp_sa sa = {.spi = v->spi, .alg = v->alg};

	ck_assert_uint_eq(unhex(sa.key, sizeof(sa.key), v->key), ESP_KEY_LEN);
	return sa;
}

static void check_open(const struct vector *v)
{
	uint8_t packet[256], payload[256], out[256], next_header;
	size_t len = unhex(packet, sizeof(packet), v->packet);
	size_t payload_len = unhex(payload, sizeof(payload), v->payload);
	struct esp_sa sa = vector_sa(v);
	size_t out_len;
	uint32_t seq;

	ck_assert_uint_eq(esp_spi(packet, len), v->spi);
	ck_assert_int_eq(esp_open(&sa, out, sizeof(out), &out_len,
				  &next_header, &seq, packet, len),
			 REASON_NONE);
	ck_assert_uint_eq(out_len, payload_len);
	ck_assert_mem_eq(out, payload, payload_len);
	ck_assert_uint_eq(next_header, v->next_header);
	ck_assert_uint_eq(seq, v->seq);
	ck_assert_uint_eq(sa.highest, v->seq);
}

START_TEST(published_vectors)
{
	if (have(vectors[_i].alg))
		check_open(&vectors[_i]);
}
END_TEST

START_TEST(seal_vectors)
{
	const struct vector *v = &sealed[_i];
	uint8_t packet[256], payload[256], out[256];
	size_t len = unhex(packet, sizeof(packet), v->packet);
	size_t payload_len = unhex(payload, sizeof(payload), v->payload);
	struct esp_sa sa = vector_sa(v);

	if (!have(v->alg))
		return;
	sa.seq = v->seq - 1;
	ck_assert_int_eq(esp_seal(&sa, out, sizeof(out), v->next_header,
				  payload, payload_len), (ssize_t)len);
	ck_assert_mem_eq(out, packet, len);
	ck_assert_uint_eq(sa.seq, v->seq);
	check_open(v);
}
END_TEST

static struct esp_sa test_sa(enum esp_alg alg)
{
	struct esp_sa sa = {.spi = 0x100, .alg = alg};

	for (uint8_t i = 0; i < ESP_KEY_LEN; i++)
		sa.key[i] = i;
	return sa;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return sodium_is_zero(p, len);
}

/* Every length of padding, every cap. */
START_TEST(seal_then_open)
{
	struct esp_sa out_sa = test_sa(algs[_i]), in_sa = test_sa(algs[_i]);
	uint8_t payload[40] = "0123456789abcdef0123456789abcdef0123456",
		packet[80], out[80], next_header;
	size_t n;

	if (!have(algs[_i]))
		return;
	for (size_t len = 0; len <= sizeof(payload); len++) {
		ssize_t got = esp_seal(&out_sa, packet, sizeof(packet), 135,
				       payload, len);

		ck_assert_int_ge(got, (ssize_t)(8 + 8 + len + 2 + 16));
		ck_assert_int_le(got, (ssize_t)(len + ESP_OVERHEAD_MAX));
		ck_assert_int_eq(got % 4, 0);
		ck_assert_int_eq(esp_open(&in_sa, out, sizeof(out), &n,
					  &next_header, NULL, packet,
					  (size_t)got), REASON_NONE);
		ck_assert_uint_eq(n, len);
		ck_assert_mem_eq(out, payload, len);
		ck_assert_uint_eq(next_header, 135);
	}
	for (size_t cap = 0; cap < 8 + 8 + 40 + 2 + 2 + 16; cap++) {
		memset(packet, 0, sizeof(packet));
		ck_assert_int_eq(esp_seal(&out_sa, packet, cap, 135, payload,
					  40), -EMSGSIZE);
		/* no plaintext is left of what did not fit */
		ck_assert(is_zero(packet, sizeof(packet)));
	}
	ck_assert_int_eq(esp_seal(&out_sa, packet, 76, 135, payload, 40), 76);
	ck_assert_uint_eq(out_sa.seq, 42);	/* failures used none up */
}
END_TEST

START_TEST(corrupt)
{
	struct esp_sa out_sa = test_sa(algs[_i]), in_sa = test_sa(algs[_i]);
	struct esp_sa before;
	uint8_t packet[80], out[80], next_header = 1;
	size_t n, len;

	if (!have(algs[_i]))
		return;
	/* what an SA does once, it does with the first message */
	len = (size_t)esp_seal(&out_sa, packet, sizeof(packet), 135, packet,
			       0);
	ck_assert_int_eq(esp_open(&in_sa, out, sizeof(out), &n, &next_header,
				  NULL, packet, len), REASON_NONE);
	before = in_sa;
	out_sa.seq = 4000;
	len = (size_t)esp_seal(&out_sa, packet, sizeof(packet), 135,
			       (const uint8_t *)"0123456789abcdef", 16);
	for (size_t bit = 32; bit < len * 8; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(out, 0, sizeof(out));
		ck_assert_int_eq(esp_open(&in_sa, out, sizeof(out), &n,
					  &next_header, NULL, packet, len),
				 REASON_ESP_AUTH);
		ck_assert_uint_eq(n, 0);
		ck_assert(is_zero(out, sizeof(out)));
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_ne(esp_open(&in_sa, out, sizeof(out), &n,
					  &next_header, NULL, packet, cut),
				 REASON_NONE);
	ck_assert_int_eq(esp_open(&in_sa, out, sizeof(out), &n, &next_header,
				  NULL, packet, 33), REASON_ESP_TRUNCATED);
	ck_assert_int_eq(esp_open(&in_sa, out, len - 1, &n, &next_header,
				  NULL, packet, len), REASON_OVERSIZE);
	packet[0] ^= 1;
	ck_assert_int_eq(esp_open(&in_sa, out, len, &n, &next_header,
				  NULL, packet, len), REASON_ESP_UNKNOWN_SPI);
	packet[0] ^= 1;
	/* none of these moved the window */
	ck_assert_mem_eq(&in_sa, &before, sizeof(in_sa));
	ck_assert_int_eq(esp_open(&in_sa, out, len, &n, &next_header, NULL,
				  packet, len), REASON_NONE);
}
END_TEST

/* Protects a plaintext as it is, trailer included. */
static size_t seal_plaintext(const struct esp_sa *sa, uint8_t *packet,
			     uint32_t seq, const void *clear, size_t len)
{
	uint8_t nonce[12];
	unsigned long long n;

	for (int i = 0; i < 4; i++) {
		packet[i] = (uint8_t)(sa->spi >> (24 - 8 * i));
		packet[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
	}
	memset(packet + 8, 0xa5, 8);
	memcpy(nonce, sa->key + 32, 4);
	memcpy(nonce + 4, packet + 8, 8);
	crypto_aead_chacha20poly1305_ietf_encrypt(packet + 16, &n, clear, len,
						  packet, 8, NULL, nonce,
						  sa->key);
	return 16 + (size_t)n;
}

static const struct {
	const char *clear;
	size_t len;
	enum reason reason;
	size_t payload_len;
} padding_cases[] = {
#define CASE(clear, reason, n) {clear, sizeof(clear) - 1, reason, n}
	CASE("\0\x3b", REASON_NONE, 0),
	CASE("abcd\0\x87", REASON_NONE, 4),
	CASE("abcd\1\2\3\3\x87", REASON_NONE, 4),
	CASE("abcd\1\2\3\4\5\6\7\7\x87", REASON_NONE, 4),
	CASE("\1\1\x87", REASON_NONE, 0),
	CASE("abcd\1\2\4\3\x87", REASON_ESP_PADDING, 0),
	CASE("abcd\0\0\0\3\x87", REASON_ESP_PADDING, 0),
	CASE("abcd\2\1\2\x87", REASON_ESP_PADDING, 0),
	CASE("abcd\5\x87", REASON_ESP_PADDING, 0),
	CASE("abcd\xff\x87", REASON_ESP_PADDING, 0),
	CASE("\1\x87", REASON_ESP_PADDING, 0),
#undef CASE
};

START_TEST(padding)
{
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305);
	uint8_t packet[80], out[80] = {0}, next_header;
	size_t n, len = seal_plaintext(&sa, packet, 1, padding_cases[_i].clear,
				       padding_cases[_i].len);
	enum reason reason = esp_open(&sa, out, sizeof(out), &n, &next_header,
				      NULL, packet, len);

	ck_assert_int_eq(reason, padding_cases[_i].reason);
	ck_assert_uint_eq(n, padding_cases[_i].payload_len);
	if (reason != REASON_NONE)
		ck_assert(is_zero(out, sizeof(out)));
	/* authentic, so its number is used up, padding or no */
	ck_assert_int_eq(esp_open(&sa, out, sizeof(out), &n, &next_header,
				  NULL, packet, len), REASON_ESP_REPLAY);
}
END_TEST

/* All 256 bytes of padding that RFC 4303 2.4 allows a sender. */
START_TEST(longest_padding)
{
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305);
	uint8_t clear[257], packet[512], out[512], next_header;
	size_t n, len;

	for (size_t i = 0; i < 255; i++)
		clear[i] = (uint8_t)(i + 1);
	clear[255] = 255;
	clear[256] = 135;
	len = seal_plaintext(&sa, packet, 1, clear, sizeof(clear));
	ck_assert_int_eq(esp_open(&sa, out, sizeof(out), &n, &next_header,
				  NULL, packet, len), REASON_NONE);
	ck_assert_uint_eq(n, 0);
}
END_TEST

static enum reason receive(struct esp_sa *sa, uint32_t seq)
{
	uint8_t packet[64], out[64], next_header;
	size_t n, len = seal_plaintext(sa, packet, seq, "\1\2\2\x87", 4);

	return esp_open(sa, out, sizeof(out), &n, &next_header, NULL, packet,
			len);
}

START_TEST(replay_edges)
{
	static const struct {
		uint32_t seq;
		enum reason reason;
	} steps[] = {
		{0, REASON_ESP_REPLAY},		/* never sent */
		{1, REASON_NONE},
		{1, REASON_ESP_REPLAY},
		{5000, REASON_NONE},		/* beyond the window */
		{5000, REASON_ESP_REPLAY},	/* 0 behind */
		{4999, REASON_NONE},		/* 1 behind */
		{4999, REASON_ESP_REPLAY},
		{3977, REASON_NONE},		/* 1023 behind */
		{3977, REASON_ESP_REPLAY},
		{3976, REASON_ESP_REPLAY},	/* 1024 behind */
		{1, REASON_ESP_REPLAY},
		{0, REASON_ESP_REPLAY},
		{5001, REASON_NONE},
		{3977, REASON_ESP_REPLAY},	/* now it is 1024 behind */
		{3978, REASON_NONE},
		{6024, REASON_NONE},		/* jump of 1023: one is left */
		{5001, REASON_ESP_REPLAY},
		{5002, REASON_NONE},		/* 5002 - 1024 was accepted */
		{7048, REASON_NONE},		/* jump of 1024: none is left */
		{6025, REASON_NONE},
		{6024, REASON_ESP_REPLAY},
		{0x80000000, REASON_NONE},
		{7048, REASON_ESP_REPLAY},
		{0xffffffff, REASON_NONE},
		{0xffffffff, REASON_ESP_REPLAY},
		{0xfffffffe, REASON_NONE},
		{0xfffffc00, REASON_NONE},	/* 1023 behind */
		{0xfffffbff, REASON_ESP_REPLAY},
		{0, REASON_ESP_REPLAY},
		{1, REASON_ESP_REPLAY},
	};
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enum reason reason = receive(&sa, steps[i].seq);

		ck_assert_msg(reason == steps[i].reason, "step %zu: %s", i,
			      reason_str(reason));
	}
}
END_TEST

/* Against a list of all that was accepted, jumps of all lengths. */
START_TEST(replay_random)
{
	static bool seen[1 << 17];
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305);
	uint32_t highest = 0, x = 1;
	unsigned int wrong = 0, accepted = 0;

	for (unsigned int i = 0; i < 50000; i++) {
		static const uint32_t forward[] = {1, 2, 64, 65, 200, 1100};
		uint32_t seq;
		bool fresh, ok;

		x = x * 1664525 + 1013904223;
		if (x >> 28 < 6)
			seq = highest + (x >> 8) % (forward[x >> 28] + 1);
		else
			seq = highest - (x >> 8) % 1100;
		if (seq >= sizeof(seen))
			continue;
		fresh = seq != 0 && !seen[seq] &&
			(seq > highest || highest - seq < 1024);
		ok = receive(&sa, seq) == REASON_NONE;
		wrong += ok != fresh;
		accepted += ok;
		seen[seq] |= ok;
		if (ok && seq > highest)
			highest = seq;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(accepted, 1000);
	ck_assert_uint_gt(highest, 100000);
}
END_TEST

START_TEST(forged_number_does_not_move_window)
{
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305), before;
	uint8_t packet[64], out[64], next_header;
	size_t n, len;

	ck_assert_int_eq(receive(&sa, 10), REASON_NONE);
	before = sa;
	len = seal_plaintext(&sa, packet, 11, "\1\2\2\x87", 4);
	packet[4] = 0x7f;	/* far ahead */
	ck_assert_int_eq(esp_open(&sa, out, sizeof(out), &n, &next_header,
				  NULL, packet, len), REASON_ESP_AUTH);
	ck_assert_mem_eq(&sa, &before, sizeof(sa));
	ck_assert_int_eq(receive(&sa, 9), REASON_NONE);
}
END_TEST

START_TEST(sequence_exhausted)
{
	struct esp_sa sa = test_sa(ESP_CHACHA20_POLY1305), in = sa;
	uint8_t packet[64], again[64], out[64], next_header;
	size_t n;
	ssize_t len;

	sa.seq = UINT32_MAX - 1;
	len = esp_seal(&sa, packet, sizeof(packet), 135, packet, 0);
	ck_assert_int_eq(len, 36);
	ck_assert_mem_eq(packet + 4, "\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff",
			 12);
	ck_assert_int_eq(esp_open(&in, out, sizeof(out), &n, &next_header,
				  NULL, packet, 36), REASON_NONE);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(esp_seal(&sa, again, sizeof(again), 135,
					  packet, 0), -EOVERFLOW);
	ck_assert_uint_eq(sa.seq, UINT32_MAX);
}
END_TEST

START_TEST(names_and_keys)
{
	struct esp_sa sa = test_sa(ESP_AES_256_GCM);
	uint8_t packet[64];
	enum esp_alg alg;

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(esp_alg_parse(esp_alg_str(algs[i]), &alg), 0);
		ck_assert_int_eq(alg, algs[i]);
	}
	ck_assert_int_eq(esp_alg_parse("aes-128-gcm", &alg), -EINVAL);
	ck_assert_int_eq(esp_alg_parse("", &alg), -EINVAL);
	ck_assert(esp_alg_available(ESP_CHACHA20_POLY1305));

	ck_assert(!is_zero(sa.key, sizeof(sa.key)));
	if (have(ESP_AES_256_GCM)) {
		ck_assert_int_eq(esp_seal(&sa, packet, sizeof(packet), 135,
					  packet, 0), 36);
		ck_assert(!is_zero(sa.aes, sizeof(sa.aes)));
	}
	esp_fini(&sa);
	ck_assert(is_zero(sa.key, sizeof(sa.key)));
	ck_assert(is_zero(sa.aes, sizeof(sa.aes)));
	ck_assert(!sa.aes_made);

	ck_assert_uint_eq(esp_spi((const uint8_t *)"\1\2\3\4", 4), 0x01020304);
	ck_assert_uint_eq(esp_spi((const uint8_t *)"\1\2\3\4", 3), 0);
	ck_assert_uint_eq(esp_spi(NULL, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("esp");
	TCase *tc = tcase_create("esp");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, published_vectors, 0, 2);
	tcase_add_loop_test(tc, seal_vectors, 0, 2);
	tcase_add_loop_test(tc, seal_then_open, 0, 2);
	tcase_add_loop_test(tc, corrupt, 0, 2);
	tcase_add_loop_test(tc, padding, 0,
			    sizeof(padding_cases) / sizeof(padding_cases[0]));
	tcase_add_test(tc, longest_padding);
	tcase_add_test(tc, replay_edges);
	tcase_add_test(tc, replay_random);
	tcase_add_test(tc, forged_number_does_not_move_window);
	tcase_add_test(tc, sequence_exhausted);
	tcase_add_test(tc, names_and_keys);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
