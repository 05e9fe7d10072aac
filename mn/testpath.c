/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is sent, each some times, all at once:
 *
 *	round	an echo request from the home address to the home agent, and its
 *		reply: by rule, kedge0, BPF and the tunnel, as a flow's packets;
 *	full	the same, as large as the tunnel takes;
 *	out	one in the tunnel to the home agent, from the home address to our
 *		care-of address: it comes back beside the tunnel;
 *	back	one beside the tunnel, from the care-of address to the home
 *		address: the home agent intercepts it and sends it by the tunnel.
 *
 * The last two tell the directions apart. Where nothing comes round, a Binding
 * Update tells whether signalling works, which needs no tunnel; a heartbeat
 * does.
 */
#include "mn/testpath.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/json.h"
#include "mn/mn.h"
#include "sys/echo.h"
#include "sys/raw.h"

enum {
	TESTS_MAX = 8,		/* under way */
	REQUESTS = 3,
	REQUESTS_MAX = 20,	/* of each kind */
	SMALL = 64,		/* bytes, with IPv6 header */
};

static const mtime SPACING = {100000000};
static const mtime WAIT = {1000000000};		/* for the last one */
static const mtime WAIT_MAX = {3000000000};

enum kind { ROUND, FULL, OUT, BACK, KINDS };

static const char *const kind_str[KINDS] = {"round", "full", "out", "back"};

struct probe {
	mtime sent[REQUESTS_MAX];
	mtime rtt[REQUESTS_MAX];	/* 0: not come */
	unsigned int n_sent, n_got;
	int err;			/* of the last that was not sent */
};

struct testpath {
	struct testpath *next;
	struct mn *mn;
	uint64_t token;
	struct in6_addr hoa, ha, coa;
	uint32_t ifindex, mtu;		/* of inner packets */
	unsigned int n, i;		/* requests of a kind; sent */
	mtime wait, begun;
	int hoa_fd, coa_fd;
	struct loop_fd on_hoa, on_coa;
	struct timer timer;
	uint16_t id;
	struct probe probes[KINDS];
	bool beat_sent;			/* a heartbeat, too */
	mtime asked_at;			/* by a BU; 0: there was no need */
	uint64_t tx_packets, rx_packets;	/* before */
};

/* A request's sequence number is its kind and which one of it. */
static uint16_t seq_of(enum kind kind, unsigned int i)
{
	return (uint16_t)((unsigned int)kind << 8 | i);
}

/* ---- sending */

static size_t size_of(const struct testpath *t, enum kind kind)
{
	return kind == FULL ? t->mtu : SMALL;
}

/* In the tunnel's header, past our own data plane. */
static int send_out(struct testpath *t, uint16_t seq)
{
	uint8_t icmp[SMALL], inner[SMALL + IP6_HDR_LEN];
	uint8_t outer[sizeof(inner) + IP6_HDR_LEN];
	struct ip6_pkt pkt = {.src = t->hoa, .dst = t->coa,
			      .proto = IP6_PROTO_ICMPV6, .upper = icmp};
	ssize_t n = echo_build(icmp, sizeof(icmp), &t->hoa, &t->coa, t->id,
			       seq, SMALL - IP6_HDR_LEN);

	if (n < 0)
		return (int)n;
	pkt.upper_len = (size_t)n;
	n = ip6_build(inner, sizeof(inner), &pkt);
	if (n < 0)
		return (int)n;
	pkt = (struct ip6_pkt){.src = t->coa, .dst = t->ha,
			       .proto = IP6_PROTO_IPV6, .upper = inner,
			       .upper_len = (size_t)n};
	n = ip6_build(outer, sizeof(outer), &pkt);
	return n < 0 ? (int)n : raw_send(t->mn->raw_fd, outer, (size_t)n,
					 t->ifindex);
}

/* In a frame to the router: by its route the kernel would keep it here. */
static int send_back(struct testpath *t, uint16_t seq)
{
	const struct mn_iface *i = mn_iface(t->mn, t->ifindex);
	uint8_t icmp[SMALL], out[SMALL + IP6_HDR_LEN];
	struct ip6_pkt pkt = {.src = t->coa, .dst = t->hoa,
			      .proto = IP6_PROTO_ICMPV6, .upper = icmp};
	ssize_t n = echo_build(icmp, sizeof(icmp), &t->coa, &t->hoa, t->id,
			       seq, SMALL - IP6_HDR_LEN);

	if (!i || !i->at.ra.has_slla)
		return -EHOSTUNREACH;
	if (n < 0)
		return (int)n;
	pkt.upper_len = (size_t)n;
	n = ip6_build(out, sizeof(out), &pkt);
	return n < 0 ? (int)n : packet_send(t->mn->packet_fd, i->ifindex,
					    i->at.ra.slla, out, (size_t)n);
}

static int send_kind(struct testpath *t, enum kind kind, uint16_t seq)
{
	switch (kind) {
	case ROUND:
	case FULL:
		return echo_send(t->hoa_fd, &t->ha, t->id, seq,
				 size_of(t, kind) - IP6_HDR_LEN);
	case OUT:
		return send_out(t, seq);
	case BACK:
		return send_back(t, seq);
	case KINDS:
		break;
	}
	return -EINVAL;
}

static void send_one(struct testpath *t, enum kind kind)
{
	struct probe *p = &t->probes[kind];
	int err;

	p->sent[t->i] = loop_now();
	err = send_kind(t, kind, seq_of(kind, t->i));
	if (err)
		p->err = err;
	else
		p->n_sent++;
}

/* ---- what it says in the end */

static int by_ns(const void *a, const void *b)
{
	const mtime *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void put_ms(struct json_object *o, const char *key, mtime t)
{
	json_object_object_add(o, key, json_object_new_double(
			       (double)(t.ns / 1000) / 1000));
}

static struct json_object *probe_json(struct testpath *t, enum kind kind)
{
	struct json_object *o = json_object_new_object();
	struct probe *p = &t->probes[kind];
	mtime *got = p->rtt + REQUESTS_MAX - p->n_got;

	qsort(p->rtt, REQUESTS_MAX, sizeof(*p->rtt), by_ns);
	put(o, "test", kind_str[kind]);
	put_int(o, "bytes", (int64_t)size_of(t, kind));
	put_int(o, "sent", p->n_sent);
	put_int(o, "received", p->n_got);
	put(o, "error", p->err ? strerror(-p->err) : NULL);
	if (!p->n_got)
		return o;
	put_ms(o, "rtt_min_ms", got[0]);
	put_ms(o, "rtt_median_ms", got[p->n_got / 2]);
	put_ms(o, "rtt_max_ms", got[p->n_got - 1]);
	return o;
}

/* Answered since this test began. */
static const struct live_peer *beat_of(const struct testpath *t)
{
	const struct live_peer *p = live_find(&t->mn->live, &t->ha);

	return t->beat_sent && p && !mtime_before(p->answered_at, t->begun) ?
		p : NULL;
}

/* Was the BU acknowledged? */
static bool registered(const struct testpath *t)
{
	const struct bul_entry *e = bul_find(&t->mn->bul, &t->hoa);

	return e && t->asked_at.ns && e->state == BUL_BOUND &&
	       !mtime_before(e->sent_at, t->asked_at);
}

/* Which direction, where nothing came round. */
static const char *broken_where(const struct testpath *t)
{
	bool out = t->probes[OUT].n_got, back = t->probes[BACK].n_got;

	if (out && back)
		return "the tunnel carries packets both ways, but the home "
		       "agent does not answer what is sent to itself";
	if (out)
		return "packets to the home agent arrive; those from it, in "
		       "the tunnel to the care-of address, are lost";
	if (back)
		return "packets from the home agent arrive; those to it, in "
		       "the tunnel from the care-of address, are lost";
	if (registered(t))
		return "signalling works, but tunnelled packets pass in "
		       "neither direction, or the home agent drops them";
	return "nothing is answered, Binding Updates neither: the home agent "
	       "is down, or the path to it is";
}

static const char *verdict(const struct testpath *t, uint64_t tx, bool *works)
{
	const struct probe *round = &t->probes[ROUND];
	const struct probe *full = &t->probes[FULL];

	*works = round->n_got && full->n_got;
	if (*works && round->n_got == t->n && full->n_got == t->n)
		return "works both ways";
	if (*works)
		return "works both ways, with loss";
	if (round->n_got)
		return "small packets pass, but none as large as the tunnel "
		       "should take: the path's MTU is not what it seems";
	if (!round->n_sent)
		return "nothing can be sent from the home address here: no "
		       "route, or no address";
	if (!tx)
		return "what is sent from the home address does not enter "
		       "the tunnel here: rules, kedge0, or its program";
	return broken_where(t);
}

static struct json_object *beat_json_of(const struct testpath *t)
{
	struct json_object *o = json_object_new_object();
	const struct live_peer *p = beat_of(t);

	put_bool(o, "sent", t->beat_sent);
	put_bool(o, "answered", p);
	if (p && p->has_rtt)
		put_ms(o, "rtt_ms", p->rtt);
	else
		put(o, "rtt_ms", NULL);
	return o;
}

static struct json_object *result(struct testpath *t)
{
	struct json_object *o = json_object_new_object();
	struct json_object *tests = json_object_new_array();
	struct dp_binding b = {.tx_packets = t->tx_packets,
			       .rx_packets = t->rx_packets};
	const char *text;
	enum kind k;
	bool works;

	dp_binding_get(t->mn->dp, &t->hoa, &b);
	text = verdict(t, b.tx_packets - t->tx_packets, &works);
	put_addr(o, "hoa", &t->hoa);
	put_addr(o, "ha", &t->ha);
	put_addr(o, "coa", &t->coa);
	put_bool(o, "works", works);
	put(o, "verdict", text);
	put_int(o, "mtu", t->probes[FULL].n_got ? t->mtu : 0);
	json_object_object_add(o, "heartbeat", beat_json_of(t));
	if (t->asked_at.ns)
		put_bool(o, "registration", registered(t));
	else
		put(o, "registration", NULL);
	for (k = 0; k < KINDS; k++)
		json_object_array_add(tests, probe_json(t, k));
	json_object_object_add(o, "tests", tests);
	put_int(o, "tx_packets", (int64_t)(b.tx_packets - t->tx_packets));
	put_int(o, "rx_packets", (int64_t)(b.rx_packets - t->rx_packets));
	log_info("HoA %s, HA %s: test of its path: %s", ip6_str(&t->hoa),
		 ip6_str(&t->ha), text);
	return o;
}

/* ---- its course */

static void close_one(struct loop_fd *lf, int fd)
{
	loop_fd_del(lf);
	if (fd >= 0)
		close(fd);
}

static void test_free(struct testpath *t)
{
	struct testpath **at = &t->mn->tests;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	timers_del(&t->mn->loop.timers, &t->timer);
	close_one(&t->on_hoa, t->hoa_fd);
	close_one(&t->on_coa, t->coa_fd);
	free(t);
}

static void finish(struct testpath *t)
{
	ctl_answer(t->mn->ctl, t->token, result(t), 0);
	test_free(t);
}

static bool complete(const struct testpath *t)
{
	enum kind k;

	for (k = 0; k < KINDS; k++)
		if (t->probes[k].n_got < t->n)
			return false;
	return t->i == t->n && (!t->beat_sent || beat_of(t));
}

/* Nothing came round: a Binding Update, and the time for its answer. */
static bool ask_anew(struct testpath *t, mtime now)
{
	struct bul_entry *e = bul_find(&t->mn->bul, &t->hoa);

	if (t->asked_at.ns || t->probes[ROUND].n_got || !e ||
	    e->state != BUL_BOUND)
		return false;
	t->asked_at = now;
	bul_event(e, BUL_EV_REFRESH, now);
	timers_set(&t->mn->loop.timers, &t->timer, mtime_add(now, t->wait));
	return true;
}

static void on_timer(struct timer *timer, mtime now)
{
	struct testpath *t = (struct testpath *)((char *)timer -
					offsetof(struct testpath, timer));
	enum kind k;

	if (t->i == t->n && !ask_anew(t, now)) {
		finish(t);
		return;
	}
	if (t->i == t->n)
		return;
	for (k = 0; k < KINDS; k++)
		send_one(t, k);
	t->i++;
	timers_set(&t->mn->loop.timers, timer,
		   mtime_add(now, t->i < t->n ? SPACING : t->wait));
}

/* at_hoa: replies of the home agent (round, full), and requests from ourselves
 * that came by the tunnel (back). At the care-of address: those that went by
 * it (out). The kernel answers them too, to ourselves: not counted. */
static void take(struct testpath *t, const struct echo *e, bool at_hoa)
{
	unsigned int kind = e->seq >> 8, i = e->seq & 0xff;
	struct probe *p;
	bool good;

	if (e->id != t->id || kind >= KINDS || i >= t->i)
		return;
	if (kind == ROUND || kind == FULL)
		good = at_hoa && e->reply && ip6_addr_eq(&e->from, &t->ha);
	else if (kind == BACK)
		good = at_hoa && !e->reply && ip6_addr_eq(&e->from, &t->coa);
	else
		good = !at_hoa && !e->reply && ip6_addr_eq(&e->from, &t->hoa);
	p = &t->probes[kind];
	if (!good || p->rtt[i].ns)
		return;
	p->rtt[i] = mtime_sub(loop_now(), p->sent[i]);
	p->n_got++;
}

static void read_all(struct testpath *t, int fd, bool at_hoa)
{
	struct echo e;
	int err;

	while (!(err = echo_read(fd, &e)) || err == -EINTR)
		if (!err)
			take(t, &e, at_hoa);
	/* not from here: the loop is at this descriptor */
	if (complete(t))
		timers_set(&t->mn->loop.timers, &t->timer, loop_now());
}

static void on_hoa(void *arg)
{
	struct testpath *t = arg;

	read_all(t, t->hoa_fd, true);
}

static void on_coa(void *arg)
{
	struct testpath *t = arg;

	read_all(t, t->coa_fd, false);
}

static int test_open(struct testpath *t)
{
	struct loop *loop = &t->mn->loop;
	int err = 0;

	t->hoa_fd = echo_open(&t->hoa);
	t->coa_fd = echo_open(&t->coa);
	if (t->hoa_fd < 0)
		return t->hoa_fd;
	if (t->coa_fd < 0)
		return t->coa_fd;
	err = loop_fd_add(loop, &t->on_hoa, t->hoa_fd, on_hoa, t);
	if (!err)
		err = loop_fd_add(loop, &t->on_coa, t->coa_fd, on_coa, t);
	return err ? err : timers_set(&loop->timers, &t->timer, loop_now());
}

static int refuse(struct json_object *answer, int err, const char *why)
{
	put(answer, "error", why);
	return err;
}

/* The largest inner packet; an inner link must take 1280 in any case. */
static uint32_t inner_mtu(const struct hoa *h)
{
	return h->mtu - IP6_HDR_LEN < IP6_MIN_MTU ? IP6_MIN_MTU :
						    h->mtu - IP6_HDR_LEN;
}

static int begin(struct mn *mn, const struct bul_entry *e, unsigned int n,
		 mtime wait)
{
	struct testpath *t = calloc(1, sizeof(*t));
	struct dp_binding b = {0};
	int err;

	if (!t)
		return -ENOMEM;
	t->mn = mn;
	t->hoa = e->hoa;
	t->ha = e->ha;
	t->coa = e->coa;
	t->ifindex = e->ifindex;
	t->mtu = inner_mtu(e->priv);
	t->n = n;
	t->wait = wait;
	t->begun = loop_now();
	t->id = (uint16_t)randombytes_random();
	t->timer.fn = on_timer;
	dp_binding_get(mn->dp, &e->hoa, &b);
	t->tx_packets = b.tx_packets;
	t->rx_packets = b.rx_packets;
	err = test_open(t);
	if (err) {
		test_free(t);
		return err;
	}
	t->beat_sent = !live_probe(&mn->live, &e->ha, t->begun);
	t->next = mn->tests;
	mn->tests = t;
	t->token = ctl_defer(mn->ctl);
	count(COUNT_PATH_TESTED);
	return 0;
}

/* ---- the command */

static bool get_number(struct json_object *request, const char *key,
		       double without, double max, double *out)
{
	struct json_object *v;

	*out = without;
	if (!json_object_object_get_ex(request, key, &v))
		return true;
	*out = json_object_get_double(v);
	return *out > 0 && *out <= max;
}

/* Why its path cannot be tested; NULL: it can. */
static const char *untestable(const struct bul_entry *e)
{
	const struct hoa *h = e ? e->priv : NULL;

	if (!e)
		return "there is no binding of it: nothing is tunnelled";
	if (h->at_home)
		return "it is at home: nothing is tunnelled";
	if (IN6_IS_ADDR_UNSPECIFIED(&e->coa))
		return "there is no network, thus no care-of address";
	if (!h->up)
		return "its binding is not acknowledged: packets wait";
	return NULL;
}

int testpath_run(void *arg, struct json_object *request,
		 struct json_object *answer)
{
	const struct testpath *t;
	struct mn *mn = arg;
	struct json_object *v;
	struct in6_addr hoa;
	const char *why;
	unsigned int others = 0;
	double n, wait;

	if (!json_object_object_get_ex(request, "hoa", &v) ||
	    inet_pton(AF_INET6, json_object_get_string(v), &hoa) != 1)
		return refuse(answer, -EINVAL, "hoa is not an IPv6 address");
	if (!get_number(request, "count", REQUESTS, REQUESTS_MAX, &n) ||
	    !get_number(request, "wait_s", (double)WAIT.ns / 1e9,
			(double)WAIT_MAX.ns / 1e9, &wait) || n < 1)
		return refuse(answer, -EINVAL, "count is not between 1 and "
			      "20, or wait_s not between 0 and 3");
	for (t = mn->tests; t; t = t->next)
		others++;
	if (others >= TESTS_MAX)
		return refuse(answer, -EBUSY, "too many tests are under way");
	why = untestable(bul_find(&mn->bul, &hoa));
	if (why)
		return refuse(answer, -ENOTCONN, why);
	return begin(mn, bul_find(&mn->bul, &hoa), (unsigned int)n,
		     (mtime){(int64_t)(wait * 1e9)});
}

void testpath_stop(struct mn *mn)
{
	while (mn->tests)
		test_free(mn->tests);
}
