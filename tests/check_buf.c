/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"

static const uint8_t bytes[15] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
				  11, 12, 13, 14, 15};

START_TEST(read_in_order)
{
	struct rbuf rb;
	uint8_t out[2];

	rbuf_init(&rb, bytes, 15);
	ck_assert_uint_eq(rbuf_u8(&rb), 0x01);
	ck_assert_uint_eq(rbuf_u16(&rb), 0x0203);
	ck_assert_uint_eq(rbuf_u32(&rb), 0x04050607);
	ck_assert_uint_eq(rbuf_left(&rb), 8);
	ck_assert_uint_eq(rbuf_u64(&rb), 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(rbuf_left(&rb), 0);
	ck_assert(!rb.bad);

	rbuf_bytes(&rb, out, 0);
	ck_assert(!rb.bad);
	rbuf_init(&rb, bytes + 3, 2);
	rbuf_bytes(&rb, out, 2);
	ck_assert_mem_eq(out, "\4\5", 2);
	ck_assert_ptr_nonnull(rbuf_take(&rb, 0));
}
END_TEST

START_TEST(read_past_end_is_sticky)
{
	uint8_t out[4] = {9, 9, 9, 9};
	struct rbuf rb;

	rbuf_init(&rb, bytes, 3);
	ck_assert_uint_eq(rbuf_u32(&rb), 0);
	ck_assert(rb.bad);
	/* not even what would have fitted, and a loop over it ends */
	ck_assert_uint_eq(rbuf_left(&rb), 0);
	ck_assert_uint_eq(rbuf_u8(&rb), 0);
	ck_assert_ptr_null(rbuf_take(&rb, 1));
	rbuf_bytes(&rb, out, 4);
	ck_assert_uint_eq(out[0] | out[1] | out[2] | out[3], 0);
	ck_assert(rb.bad);

	rbuf_init(&rb, bytes, 3);
	ck_assert_ptr_null(rbuf_take(&rb, SIZE_MAX));
	rbuf_init(&rb, NULL, 5);
	ck_assert_uint_eq(rbuf_left(&rb), 0);
	ck_assert_uint_eq(rbuf_u8(&rb), 0);
	ck_assert(rb.bad);
}
END_TEST

START_TEST(read_sub)
{
	struct rbuf rb, sub;

	rbuf_init(&rb, bytes, 15);
	sub = rbuf_sub(&rb, 4);
	ck_assert_uint_eq(rbuf_u8(&rb), 5);
	ck_assert_uint_eq(rbuf_u32(&sub), 0x01020304);
	ck_assert_uint_eq(rbuf_u8(&sub), 0);
	ck_assert(sub.bad && !rb.bad);

	sub = rbuf_sub(&rb, 11);
	ck_assert(sub.bad && rb.bad);
	ck_assert_uint_eq(rbuf_left(&sub), 0);
}
END_TEST

START_TEST(write_in_order)
{
	uint8_t mem[24];
	struct wbuf wb;

	wbuf_init(&wb, mem, sizeof(mem));
	wbuf_u8(&wb, 1);
	wbuf_u16(&wb, 0x0203);
	wbuf_u32(&wb, 0x04050607);
	wbuf_u64(&wb, 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(wb.len, 15);
	ck_assert_mem_eq(mem, bytes, 15);
	wbuf_bytes(&wb, bytes, 3);
	wbuf_zero(&wb, 2);
	memset(wbuf_reserve(&wb, 4), 7, 4);
	ck_assert(!wb.bad);
	ck_assert_mem_eq(mem + 15, "\1\2\3\0\0\7\7\7\7", 9);

	wbuf_set_u16(&wb, 22, 0xabcd);
	wbuf_set_u8(&wb, 0, 0xef);
	ck_assert(!wb.bad);
	ck_assert_mem_eq(mem + 22, "\xab\xcd", 2);
	ck_assert_uint_eq(mem[0], 0xef);
}
END_TEST

START_TEST(write_past_end_is_sticky)
{
	uint8_t mem[4] = {0};
	struct wbuf wb;

	wbuf_init(&wb, mem, 3);
	wbuf_u32(&wb, 0xffffffff);
	ck_assert(wb.bad);
	ck_assert_uint_eq(wb.len, 0);
	wbuf_u8(&wb, 0xff);
	ck_assert_uint_eq(wb.len, 0);
	ck_assert_mem_eq(mem, "\0\0\0\0", 4);

	wbuf_init(&wb, mem, 3);
	wbuf_u8(&wb, 1);
	ck_assert_ptr_null(wbuf_reserve(&wb, SIZE_MAX));
	wbuf_init(&wb, NULL, 3);
	wbuf_u8(&wb, 1);
	ck_assert(wb.bad);
}
END_TEST

START_TEST(write_set_only_what_is_written)
{
	uint8_t mem[4] = {0};
	struct wbuf wb;

	wbuf_init(&wb, mem, 4);
	wbuf_u8(&wb, 0);
	wbuf_set_u16(&wb, 0, 0xffff);
	ck_assert(wb.bad);
	wbuf_init(&wb, mem, 4);
	wbuf_u16(&wb, 0);
	wbuf_set_u16(&wb, SIZE_MAX, 0xffff);
	ck_assert(wb.bad);
	wbuf_init(&wb, mem, 4);
	wbuf_u16(&wb, 0);
	wbuf_set_u8(&wb, 2, 0xff);
	ck_assert(wb.bad);
	ck_assert_mem_eq(mem, "\0\0\0\0", 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, read_in_order);
	tcase_add_test(tc, read_past_end_is_sticky);
	tcase_add_test(tc, read_sub);
	tcase_add_test(tc, write_in_order);
	tcase_add_test(tc, write_past_end_is_sticky);
	tcase_add_test(tc, write_set_only_what_is_written);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
