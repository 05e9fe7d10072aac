/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home addresses that we assign by the configuration payload (RFC 5026 5.3.1,
 * RFC 7296 3.15): libcharon asks once the peer has authenticated, before it
 * looks at the CHILD_SA.
 *
 * Which address is the loop's to say, which has the pool and the owners; the
 * thread waits for that as on_narrow() does. The loop never waits for a thread
 * of libcharon's, nor takes a lock of its, so there is always an answer, and
 * box_close() gives one at the end.
 */
#include "ike/charon.h"

static void ask(struct ike *ike, ike_sa_t *ike_sa, struct box_item *item)
{
	struct conn *conn;

	box_ask(&ike->box, item);
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && item->reason)
		conn->refused = true;	/* counted; what follows is the same */
	else if (conn)
		conn->assigned = item->hoa;
	pthread_mutex_unlock(&ike->lock);
}

/* One for each IKE SA, however many the peer asks for. What it would like to
 * have is not looked at: it gets what it had before, or a new one. */
static host_t *acquire(attribute_provider_t *this, linked_list_t *pools,
		       ike_sa_t *ike_sa, host_t *requested)
{
	struct box_item item = {.what = BOX_ASSIGN};
	struct ike *ike = the_ike;
	struct conn *conn;
	bool first = false;

	(void)this, (void)pools;
	if (requested->get_family(requested) != AF_INET6)
		return NULL;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_get(ike, ike_sa);
	if (conn && !conn->initiator && !conn->requested) {
		first = conn->requested = true;
		ike_about(&item, conn, ike_sa);
		if (conn->wandered)
			item.peer.remote = in6addr_any;
	}
	pthread_mutex_unlock(&ike->lock);
	if (!first)
		return NULL;
	ask(ike, ike_sa, &item);
	return item.reason ? NULL : ike_host(&item.hoa, 0);
}

/* It stays its owner's for as long as his lease says. */
static bool release(attribute_provider_t *this, linked_list_t *pools,
		    host_t *address, ike_sa_t *ike_sa)
{
	(void)this, (void)pools, (void)address, (void)ike_sa;
	return true;
}

static enumerator_t *attributes(attribute_provider_t *this,
				linked_list_t *pools, ike_sa_t *ike_sa,
				linked_list_t *vips)
{
	(void)this, (void)pools, (void)ike_sa, (void)vips;
	return enumerator_create_empty();
}

static bool has(linked_list_t *list, const struct in6_addr *addr,
		enum ike_use use)
{
	enumerator_t *e = list->create_enumerator(list);
	host_t *host = ike_host(addr, 0);
	traffic_selector_t *ts;
	bool found = false;

	while (!found && e->enumerate(e, &ts))
		found = ts->get_protocol(ts) == ike_ranges[use].proto &&
			ts->includes(ts, host);
	e->destroy(e);
	host->destroy(host);
	return found;
}

void ike_assign_narrow(const struct conn *conn, linked_list_t *remote)
{
	bool prefixes = has(remote, &conn->assigned, IKE_USE_PREFIXES);
	traffic_selector_t *ts;

	if (IN6_IS_ADDR_UNSPECIFIED(&conn->assigned) ||
	    !has(remote, &conn->assigned, IKE_USE_MH))
		return;
	while (remote->remove_last(remote, (void **)&ts) == SUCCESS)
		ts->destroy(ts);
	remote->insert_last(remote, ike_ts(&conn->assigned, 128, IKE_USE_MH));
	if (prefixes)
		remote->insert_last(remote, ike_ts(&conn->assigned, 128,
						   IKE_USE_PREFIXES));
}

void ike_assign_open(struct ike *ike)
{
	ike->provider = (attribute_provider_t){
		.acquire_address = acquire,
		.release_address = release,
		.create_attribute_enumerator = attributes,
	};
	charon->attributes->add_provider(charon->attributes, &ike->provider);
	ike->provider_added = true;
}

void ike_assign_close(struct ike *ike)
{
	if (ike->provider_added)
		charon->attributes->remove_provider(charon->attributes,
						    &ike->provider);
}
