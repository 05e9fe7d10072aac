/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What home addresses do not ask for, for a while: it was refused, or led
 * nowhere. Kept here, as what is at home has no entry in the BUL. */
#include "mn/moveint.h"

static const mtime SEVERAL_FIRST = {60000000000};
static const mtime SEVERAL_MOST = {3600000000000};
static const mtime IFACE_FIRST = {60000000000};
static const mtime IFACE_MOST = {600000000000};

static struct bar *bar_of(const struct mn *mn, const struct in6_addr *hoa,
			  uint32_t ifindex)
{
	struct mn_iface *i = mn_iface((struct mn *)mn, ifindex);
	struct move_home *h = move_home(mn, hoa);

	return h && i ? &h->dead[move_number(mn, i)] : NULL;
}

mtime move_bar_several(struct mn *mn, const struct in6_addr *hoa,
		       uint8_t status)
{
	struct move_home *h = movework_home(mn, hoa);

	if (!h)
		return (mtime){0};
	bar_set(&h->several, SEVERAL_FIRST, SEVERAL_MOST, loop_now());
	h->several_status = status;
	h->again = true;
	movecourse_arm(mn);
	return h->several.pause;
}

bool move_several_barred(const struct mn *mn, const struct in6_addr *hoa)
{
	const struct move_home *h = move_home(mn, hoa);

	return h && bar_holds(&h->several, loop_now());
}

uint8_t move_several_status(const struct mn *mn, const struct in6_addr *hoa)
{
	const struct move_home *h = move_home(mn, hoa);

	return h ? h->several_status : 0;
}

mtime move_several_left(const struct mn *mn, const struct in6_addr *hoa)
{
	const struct move_home *h = move_home(mn, hoa);

	return h && bar_holds(&h->several, loop_now()) ?
		mtime_sub(h->several.until, loop_now()) : (mtime){0};
}

void move_several_taken(struct mn *mn, const struct in6_addr *hoa)
{
	struct move_home *h = move_home(mn, hoa);

	if (h)
		bar_clear(&h->several);
}

void move_bar_iface(struct mn *mn, const struct in6_addr *hoa,
		    uint32_t ifindex)
{
	struct move_home *h = movework_home(mn, hoa);
	struct bar *bar = bar_of(mn, hoa, ifindex);

	if (!bar)
		return;
	bar_set(bar, IFACE_FIRST, IFACE_MOST, loop_now());
	h->again = true;
	movecourse_arm(mn);
}

bool move_iface_barred(const struct mn *mn, const struct in6_addr *hoa,
		       uint32_t ifindex)
{
	const struct bar *bar = bar_of(mn, hoa, ifindex);

	return bar && bar_holds(bar, loop_now());
}

bool move_iface_unheard(const struct mn *mn, const struct in6_addr *hoa,
			uint32_t ifindex)
{
	const struct bar *bar = bar_of(mn, hoa, ifindex);

	return bar && bar->barred;
}

void move_iface_answers(struct mn *mn, const struct in6_addr *hoa,
			uint32_t ifindex)
{
	struct bar *bar = bar_of(mn, hoa, ifindex);

	if (bar)
		bar_clear(bar);
}

unsigned int move_count_unheard(const struct mn *mn, const struct mn_iface *i)
{
	const struct move_home *h;
	unsigned int n = 0;

	for (h = mn->moves.homes; h; h = h->next)
		n += h->dead[move_number(mn, i)].barred;
	return n;
}

/* ---- the end of it */

static mtime sooner(mtime a, mtime b)
{
	return !a.ns || (b.ns && mtime_before(b, a)) ? b : a;
}

mtime movebar_next(const struct mn *mn, mtime now)
{
	const struct move_home *h;
	mtime next = {0};
	unsigned int k;

	for (h = mn->moves.homes; h; h = h->next) {
		next = sooner(next, bar_ends(&h->several, now));
		for (k = 0; k < mn->conf.n_ifaces; k++)
			next = sooner(next, bar_ends(&h->dead[k], now));
	}
	return next;
}

/* All are asked for, which is no harm where they are as before. */
void movebar_ended(struct mn *mn)
{
	struct move_home *h;

	for (h = mn->moves.homes; h; h = h->next)
		h->again = true;
}

/* It may come back in another network. */
void movebar_lost(struct mn *mn, const struct mn_iface *i)
{
	struct move_home *h;

	for (h = mn->moves.homes; h; h = h->next)
		bar_clear(&h->dead[move_number(mn, i)]);
}

void movebar_forget(struct mn *mn)
{
	struct move_home *h;
	unsigned int k;

	for (h = mn->moves.homes; h; h = h->next) {
		bar_clear(&h->several);
		for (k = 0; k < MN_IFACES_MAX; k++)
			bar_clear(&h->dead[k]);
	}
	movebar_ended(mn);
}
