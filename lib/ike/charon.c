/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcharon's start and end, and what is asked of it. */
#include "ike/charon.h"

#include <dlfcn.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"

/* what libcharon loads; without kdf no keys are derived */
#define PLUGINS "nonce random openssl kdf pem x509 revocation constraints " \
	"pubkey socket-default"

enum {
	THREADS = 8,		/* three hang; each may wait for the loop */
	HALF_OPEN_MAX = 1024,	/* who may be a spoofed source has to show a
				 * cookie long before, RFC 7296 2.6 */
};

struct ike *the_ike;

struct in6_addr ike_addr(host_t *host)
{
	chunk_t raw = host->get_address(host);
	struct in6_addr addr = in6addr_any;

	if (raw.len == sizeof(addr))
		memcpy(&addr, raw.ptr, sizeof(addr));
	return addr;
}

host_t *ike_host(const struct in6_addr *addr, uint16_t port)
{
	chunk_t raw = chunk_create((u_char *)addr, sizeof(*addr));

	return host_create_from_chunk(AF_INET6, raw, port);
}

/* ---- conns; all under ike->lock */

struct conn *ike_conn_find(struct ike *ike, ike_sa_t *ike_sa)
{
	struct conn *conn = NULL;
	uint32_t uid;

	if (!ike_sa)
		return NULL;
	uid = ike_sa->get_unique_id(ike_sa);
	HASH_FIND(hh_uid, ike->by_uid, &uid, sizeof(uid), conn);
	return conn;
}

struct conn *ike_conn_get(struct ike *ike, ike_sa_t *ike_sa)
{
	struct conn *conn = ike_conn_find(ike, ike_sa);

	if (conn || !ike_sa)
		return conn;
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->id = ++ike->last_id;
	conn->uid = ike_sa->get_unique_id(ike_sa);
	HASH_ADD(hh, ike->by_id, id, sizeof(conn->id), conn);
	HASH_ADD(hh_uid, ike->by_uid, uid, sizeof(conn->uid), conn);
	return conn;
}

void ike_about(struct box_item *item, const struct conn *conn,
	       ike_sa_t *ike_sa)
{
	identification_t *id = ike_sa->get_other_id(ike_sa);

	item->peer.id = conn->id;
	item->peer.initiator = conn->initiator;
	item->peer.local = ike_addr(ike_sa->get_my_host(ike_sa));
	item->peer.remote = ike_addr(ike_sa->get_other_host(ike_sa));
	item->hoa = conn->hoa;
	item->ha = conn->ha;
	if (!id || ike_identity(id, item->peer.identity))
		item->peer.identity[0] = '\0';
}

void ike_conn_free(struct ike *ike, struct conn *conn)
{
	if (conn->uid)
		HASH_DELETE(hh_uid, ike->by_uid, conn);
	HASH_DEL(ike->by_id, conn);
	free(conn);
}

/* ---- from the box, in the loop's thread */

static void on_item(void *arg, struct box_item *item)
{
	struct ike *ike = arg;

	switch (item->what) {
	case BOX_AUTHORIZE:
		item->reason = ike->ops->authorize(ike->arg, &item->peer,
						   &item->hoa, &item->ha);
		break;
	case BOX_ASSIGN:
		item->reason = ike->ops->assign(ike->arg, &item->peer,
						&item->hoa);
		break;
	case BOX_SA_ADD:
		ike->ops->sa_add(ike->arg, &item->peer, &item->sa);
		break;
	case BOX_SA_DEL:
		ike->ops->sa_del(ike->arg, &item->peer, &item->sa);
		break;
	case BOX_UP:
		ike->ops->up(ike->arg, &item->peer);
		break;
	case BOX_MOVED:
		ike->ops->moved(ike->arg, &item->peer);
		break;
	case BOX_REKEYED:
		ike->ops->rekeyed(ike->arg, &item->peer);
		break;
	case BOX_REFUSED:
		count_refusal(item->reason, "IKE from %s, identity '%s', "
			      "HoA %s", ip6_str(&item->peer.remote),
			      item->peer.identity, ip6_str(&item->hoa));
		break;
	case BOX_DOWN:
		ike->ops->down(ike->arg, &item->peer, item->reason);
		break;
	}
}

/* ---- start */

/*
 * Structures have another layout where ME was set differently when the library
 * was built: then these members are not functions of the library.
 */
static bool in_libcharon(const void *fn)
{
	Dl_info info;

	return dladdr(fn, &info) && info.dli_fname &&
	       strstr(info.dli_fname, "libcharon.so");
}

static int check_abi(void)
{
	if (in_libcharon((const void *)charon->set_level) &&
	    in_libcharon((const void *)charon->start))
		return 0;
	log_err("IKE: libcharon's structures are not those that this was "
		"built with (strongSwan " VERSION "): build it again");
	return -ELIBACC;
}

static void set_ports(const struct ike_conf *conf)
{
	lib->settings->set_int(lib->settings, "%s.port", (int)conf->port,
			       lib->ns);
	lib->settings->set_int(lib->settings, "%s.port_nat_t",
			       (int)conf->nat_port, lib->ns);
}

static void set_bool(const char *key, bool value)
{
	char name[128];

	snprintf(name, sizeof(name), "%%s.%s", key);
	lib->settings->set_bool(lib->settings, name, value, lib->ns);
}

static void set_settings(const struct ike *ike)
{
	settings_t *s = lib->settings;

	set_ports(ike->conf);
	s->set_int(s, "%s.threads", THREADS, lib->ns);
	set_bool("install_routes", false);
	set_bool("install_virtual_ip", false);
	set_bool("reuse_ikesa", false);
	set_bool("close_ike_on_child_failure", true);
	set_bool("send_vendor_id", false);
	set_bool("plugins.socket-default.use_ipv4", false);
	set_bool("plugins.openssl.load_legacy", false);
	set_bool("plugins.revocation.enable_ocsp", false);
	/* silence is noticed after 1 + 1.6 + 2.6 + 4.1 + 6.6 s */
	s->set_double(s, "%s.retransmit_timeout", 1.0, lib->ns);
	s->set_double(s, "%s.retransmit_base", 1.6, lib->ns);
	s->set_int(s, "%s.retransmit_tries", 4, lib->ns);
	/* a peer does not send us elsewhere, RFC 5685 */
	set_bool("follow_redirects", false);
	s->set_int(s, "%s.init_limit_half_open", HALF_OPEN_MAX, lib->ns);
	if (ike->responder) {
		s->set_int(s, "%s.ikesa_table_size", 1024, lib->ns);
		s->set_int(s, "%s.ikesa_table_segments", 16, lib->ns);
	}
}

static int start_library(struct ike *ike)
{
	int err;

	/* the empty name: no strongswan.conf is read */
	ike->lib_up = true;
	if (!library_init("", "kedge")) {
		log_err("IKE: libstrongswan cannot start");
		return -ELIBACC;
	}
	ike->charon_up = true;
	if (!libcharon_init()) {
		log_err("IKE: libcharon cannot start");
		return -ELIBACC;
	}
	err = check_abi();
	if (err)
		return err;
	ike_events_init(ike);
	charon->bus->add_logger(charon->bus, &ike->logger);
	set_settings(ike);
	ike_kernel_features();
	if (!charon->initialize(charon, PLUGINS)) {
		log_err("IKE: libcharon's plugins cannot be loaded (Debian's "
			"libstrongswan-standard-plugins has them)");
		return -ELIBACC;
	}
	if (charon->socket->supported_families(charon->socket) ==
	    SOCKET_FAMILY_NONE) {
		log_err("IKE: UDP ports %u and %u cannot be had: is another "
			"IKE daemon there?", ike->conf->port,
			ike->conf->nat_port);
		return -EADDRINUSE;
	}
	charon->bus->add_listener(charon->bus, &ike->listener);
	return 0;
}

static int copy_responder(struct ike *ike, const struct ike_responder *resp)
{
	ike->responder = true;
	ike->addrs = calloc(resp->n_addrs + 1, sizeof(*ike->addrs));
	ike->prefixes = calloc(resp->n_prefixes + 1, sizeof(*ike->prefixes));
	if (!ike->addrs || !ike->prefixes)
		return -ENOMEM;
	ike->n_addrs = resp->n_addrs;
	ike->n_prefixes = resp->n_prefixes;
	memcpy(ike->addrs, resp->addrs, resp->n_addrs * sizeof(*ike->addrs));
	memcpy(ike->prefixes, resp->prefixes,
	       resp->n_prefixes * sizeof(*ike->prefixes));
	return 0;
}

/* libcharon's threads inherit the mask: signals are the loop's, but not those
 * that a thread's own fault raises. */
static void signals_block(sigset_t *old)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	unsigned int i;
	sigset_t all;

	sigfillset(&all);
	for (i = 0; i < countof(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_BLOCK, &all, old);
}

static int open_blocked(struct ike *ike)
{
	int err = start_library(ike);

	if (!err)
		err = ike_creds_open(ike);
	if (!err && ike->responder)
		err = ike_responder_open(ike);
	if (!err && ike->responder)
		ike_assign_open(ike);
	return err;
}

int ike_open(struct ike **out, struct loop *loop, const struct ike_conf *conf,
	     const struct ike_responder *resp, const struct ike_ops *ops,
	     void *arg)
{
	struct ike *ike = calloc(1, sizeof(*ike));
	sigset_t old;
	int err;

	if (!ike)
		return -ENOMEM;
	err = box_init(&ike->box, loop, on_item, ike);
	if (err) {
		free(ike);
		return err;
	}
	ike->conf = conf;
	ike->ops = ops;
	ike->arg = arg;
	pthread_mutex_init(&ike->lock, NULL);
	the_ike = ike;
	if (resp)
		err = copy_responder(ike, resp);
	signals_block(&old);
	if (!err)
		err = open_blocked(ike);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		ike_close(ike);
	else
		*out = ike;
	return err;
}

int ike_start(struct ike *ike)
{
	sigset_t old;

	(void)ike;
	signals_block(&old);
	charon->start(charon);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return 0;
}

static void free_tables(struct ike *ike)
{
	struct conn *conn, *next;
	struct spi *spi, *next_spi;

	HASH_ITER(hh, ike->by_id, conn, next)
		ike_conn_free(ike, conn);
	HASH_ITER(hh, ike->spis, spi, next_spi) {
		HASH_DEL(ike->spis, spi);
		free(spi);
	}
}

void ike_close(struct ike *ike)
{
	if (!ike)
		return;
	box_close(&ike->box);
	ike_assign_close(ike);
	ike_responder_close(ike);
	if (ike->charon_up)
		libcharon_deinit();
	ike_creds_close(ike);
	if (ike->lib_up)
		library_deinit();
	box_fini(&ike->box);
	free_tables(ike);
	pthread_mutex_destroy(&ike->lock);
	free(ike->addrs);
	free(ike->prefixes);
	free(ike);
	the_ike = NULL;
}

/* ---- requests: each is a job for one of libcharon's threads */

struct request {
	struct ike *ike;
	void (*run)(struct request *r, ike_sa_t *ike_sa);
	uint32_t id, spi;
	bool told, has_local, has_remote;
	struct in6_addr local, remote;
	status_t status;	/* run's: DESTROY_ME ends the IKE SA */
};

static uint32_t uid_of(struct ike *ike, uint32_t id)
{
	struct conn *conn;
	uint32_t uid;

	pthread_mutex_lock(&ike->lock);
	HASH_FIND(hh, ike->by_id, &id, sizeof(id), conn);
	uid = conn ? conn->uid : 0;
	pthread_mutex_unlock(&ike->lock);
	return uid;
}

/* While we wait for it another one may have taken its place, by a rekey. */
static ike_sa_t *checkout(struct ike *ike, uint32_t id)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	uint32_t uid = uid_of(ike, id), before;
	ike_sa_t *ike_sa;

	while (uid) {
		ike_sa = manager->checkout_by_id(manager, uid);
		before = uid;
		uid = uid_of(ike, id);
		if (uid == before)
			return ike_sa;
		if (ike_sa)
			manager->checkin(manager, ike_sa);
	}
	return NULL;
}

static job_requeue_t run_request(void *data)
{
	struct request *r = data;
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	ike_sa_t *ike_sa = checkout(r->ike, r->id);

	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	r->status = SUCCESS;
	r->run(r, ike_sa);
	if (r->status == DESTROY_ME)
		manager->checkin_and_destroy(manager, ike_sa);
	else
		manager->checkin(manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

static void queue(callback_job_cb_t fn, void *data)
{
	callback_job_t *job = callback_job_create_with_prio(fn, data, free,
						NULL, JOB_PRIO_HIGH);

	lib->processor->queue_job(lib->processor, (job_t *)job);
}

static void request(struct ike *ike, const struct request *r)
{
	struct request *copy = malloc(sizeof(*copy));

	if (!copy) {
		log_err("IKE: out of memory, a request is lost");
		return;
	}
	*copy = *r;
	copy->ike = ike;
	queue(run_request, copy);
}

static void run_rekey_esp(struct request *r, ike_sa_t *ike_sa)
{
	r->status = ike_sa->rekey_child_sa(ike_sa, PROTO_ESP, htonl(r->spi));
}

void ike_rekey_esp(struct ike *ike, uint32_t id, uint32_t spi)
{
	request(ike, &(struct request){.run = run_rekey_esp, .id = id,
				       .spi = spi});
}

static void run_rekey_ike(struct request *r, ike_sa_t *ike_sa)
{
	r->status = ike_sa->rekey(ike_sa);
}

void ike_rekey_ike(struct ike *ike, uint32_t id)
{
	request(ike, &(struct request){.run = run_rekey_ike, .id = id});
}

static void run_probe(struct request *r, ike_sa_t *ike_sa)
{
	r->status = ike_sa->send_dpd(ike_sa);
}

void ike_probe(struct ike *ike, uint32_t id)
{
	request(ike, &(struct request){.run = run_probe, .id = id});
}

static host_t *moved_host(bool has, const struct in6_addr *addr, host_t *old)
{
	return has ? ike_host(addr, old->get_port(old)) : NULL;
}

static void run_move(struct request *r, ike_sa_t *ike_sa)
{
	host_t *me = moved_host(r->has_local, &r->local,
				ike_sa->get_my_host(ike_sa));
	host_t *other = moved_host(r->has_remote, &r->remote,
				   ike_sa->get_other_host(ike_sa));

	ike_sa->update_hosts(ike_sa, me, other, UPDATE_HOSTS_FORCE_ADDRS);
	DESTROY_IF(me);
	DESTROY_IF(other);
}

static void want_local(struct ike *ike, uint32_t id,
		       const struct in6_addr *local)
{
	struct conn *conn;

	pthread_mutex_lock(&ike->lock);
	HASH_FIND(hh, ike->by_id, &id, sizeof(id), conn);
	if (conn)
		conn->local = *local;
	pthread_mutex_unlock(&ike->lock);
}

void ike_move(struct ike *ike, uint32_t id, const struct in6_addr *local,
	      const struct in6_addr *remote)
{
	struct request r = {.run = run_move, .id = id,
			    .has_local = local, .has_remote = remote};

	if (local) {
		r.local = *local;
		want_local(ike, id, local);
	}
	if (remote)
		r.remote = *remote;
	request(ike, &r);
}

/* The address that MOBIKE takes is what our kernel_net_t answers. To a peer
 * without it another IKE SA has to be begun. */
static void run_roam(struct request *r, ike_sa_t *ike_sa)
{
	r->status = ike_sa->supports_extension(ike_sa, EXT_MOBIKE) ?
		ike_sa->roam(ike_sa, TRUE) : DESTROY_ME;
}

void ike_move_told(struct ike *ike, uint32_t id, const struct in6_addr *local)
{
	want_local(ike, id, local);
	request(ike, &(struct request){.run = run_roam, .id = id});
}

static void run_end(struct request *r, ike_sa_t *ike_sa)
{
	r->status = r->told ? ike_sa->delete(ike_sa, FALSE) : DESTROY_ME;
}

void ike_end(struct ike *ike, uint32_t id, bool told)
{
	struct conn *conn;

	pthread_mutex_lock(&ike->lock);
	HASH_FIND(hh, ike->by_id, &id, sizeof(id), conn);
	if (conn)
		conn->ended = true;
	pthread_mutex_unlock(&ike->lock);
	request(ike, &(struct request){.run = run_end, .id = id,
				       .told = told});
}

/* ---- certificates that have expired or been revoked since */

static job_requeue_t run_recheck(void *data)
{
	const struct request *r = data;
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	enumerator_t *e = manager->create_enumerator(manager, TRUE);
	array_t *ids = array_create(sizeof(uint32_t), 0);
	ike_sa_t *ike_sa;
	enum reason why;
	uint32_t id;

	while (e->enumerate(e, &ike_sa)) {
		why = ike_cert_reason(r->ike, ike_sa);
		id = why ? ike_disown(r->ike, ike_sa, why) : 0;
		if (id)
			array_insert(ids, ARRAY_TAIL, &id);
	}
	e->destroy(e);
	while (array_remove(ids, ARRAY_HEAD, &id))
		request(r->ike, &(struct request){.run = run_end, .id = id,
						  .told = true});
	array_destroy(ids);
	return JOB_REQUEUE_NONE;
}

void ike_recheck(struct ike *ike)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return;
	r->ike = ike;
	queue(run_recheck, r);
}

struct crls {
	struct ike *ike;
	size_t n;
	certificate_t *v[];
};

static job_requeue_t run_crls(void *data)
{
	struct crls *crls = data;
	mem_cred_t *creds = crls->ike->creds;
	size_t i;

	for (i = 0; i < crls->n; i++)
		creds->add_crl(creds, (crl_t *)crls->v[i]);
	lib->credmgr->flush_cache(lib->credmgr, CERT_ANY);
	ike_recheck(crls->ike);
	return JOB_REQUEUE_NONE;
}

/* A thread of libcharon's waits for its locks: one that has them may be
 * waiting for us. */
int ike_reload_crls(struct ike *ike, const struct ike_list *list)
{
	struct crls *crls = calloc(1, sizeof(*crls) +
				   list->n * sizeof(crls->v[0]));
	int err = 0, one;
	size_t i;

	if (!crls)
		return -ENOMEM;
	crls->ike = ike;
	for (i = 0; i < list->n; i++) {
		one = ike_creds_crl(list->v[i], &crls->v[crls->n]);
		if (one)
			err = one;
		else
			crls->n++;
	}
	queue(run_crls, crls);
	return err;
}

/* ---- beginning one */

static void tell_down(struct ike *ike, const struct conn *conn,
		      enum reason why)
{
	struct box_item item = {.what = BOX_DOWN, .reason = why};

	item.peer.id = conn->id;
	item.peer.initiator = true;
	item.peer.local = conn->local;
	item.peer.remote = conn->ha;
	box_tell(&ike->box, &item);
}

/* Takes the IKE SA out for conn, which has no uid yet; NULL: it is over. Ended
 * may it be even so, if that came in between. */
static ike_sa_t *bind_conn(struct ike *ike, uint32_t id, child_cfg_t **child,
			   bool *ended)
{
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	struct conn *conn, copy = {0};
	peer_cfg_t *cfg;
	ike_sa_t *ike_sa = NULL;

	pthread_mutex_lock(&ike->lock);
	HASH_FIND(hh, ike->by_id, &id, sizeof(id), conn);
	if (conn)
		copy = *conn;
	pthread_mutex_unlock(&ike->lock);
	if (!conn)
		return NULL;
	if (!copy.ended) {
		cfg = ike_initiator_cfg(ike, &copy, child);
		ike_sa = manager->checkout_by_config(manager, cfg);
		cfg->destroy(cfg);
	}
	pthread_mutex_lock(&ike->lock);
	if (ike_sa) {
		conn->uid = ike_sa->get_unique_id(ike_sa);
		HASH_ADD(hh_uid, ike->by_uid, uid, sizeof(conn->uid), conn);
		*ended = conn->ended;
	} else {
		ike_conn_free(ike, conn);
	}
	pthread_mutex_unlock(&ike->lock);
	if (!ike_sa)
		tell_down(ike, &copy, copy.ended ? REASON_NONE :
						   REASON_IKE_LOCAL);
	return ike_sa;
}

static job_requeue_t run_initiate(void *data)
{
	const struct request *r = data;
	ike_sa_manager_t *manager = charon->ike_sa_manager;
	child_cfg_t *child = NULL;
	bool ended = false;
	ike_sa_t *ike_sa = bind_conn(r->ike, r->id, &child, &ended);

	if (!ike_sa || ended)
		DESTROY_IF(child);
	if (!ike_sa)
		return JOB_REQUEUE_NONE;
	if (!ended && ike_sa->initiate(ike_sa, child, NULL) == SUCCESS)
		manager->checkin(manager, ike_sa);
	else
		manager->checkin_and_destroy(manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

uint32_t ike_initiate(struct ike *ike, const struct in6_addr *local,
		      const struct in6_addr *hoa, const struct in6_addr *ha)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct request *r = calloc(1, sizeof(*r));
	uint32_t id;

	if (!conn || !r) {
		free(conn);
		free(r);
		return 0;
	}
	conn->initiator = conn->told = true;
	conn->local = *local;
	conn->hoa = *hoa;
	conn->ha = *ha;
	conn->requested = IN6_IS_ADDR_UNSPECIFIED(hoa);
	pthread_mutex_lock(&ike->lock);
	id = conn->id = ++ike->last_id;
	HASH_ADD(hh, ike->by_id, id, sizeof(conn->id), conn);
	pthread_mutex_unlock(&ike->lock);
	*r = (struct request){.ike = ike, .id = id};
	queue(run_initiate, r);
	return id;
}

unsigned int ike_threads(struct ike *ike)
{
	(void)ike;
	return (unsigned int)lib->processor->get_total_threads(lib->processor);
}
