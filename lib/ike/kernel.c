/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "kernel" that libcharon gives ESP SAs to and asks for addresses: called
 * on its threads; what matters goes into the box.
 */
#include "ike/charon.h"

#include <sodium.h>
#include <string.h>

#include "proto/mip.h"

enum {
	SPI_MIN = 0xc0000000u,	/* manual ones are most often below */
	SPI_RANGE = 0x10000000,
};

/* ---- ESP SAs */

static kernel_feature_t ipsec_features(kernel_ipsec_t *this)
{
	(void)this;
	/* or MOBIKE would put the care-of address into our selectors */
	return KERNEL_NO_POLICY_UPDATES;
}

static status_t get_spi(kernel_ipsec_t *this, host_t *src, host_t *dst,
			uint8_t protocol, uint32_t *spi)
{
	struct ike *ike = the_ike;
	struct spi *new = calloc(1, sizeof(*new)), *other;

	(void)this, (void)src, (void)dst, (void)protocol;
	if (!new)
		return OUT_OF_RES;
	pthread_mutex_lock(&ike->lock);
	do {
		new->spi = SPI_MIN + randombytes_uniform(SPI_RANGE);
		HASH_FIND(hh, ike->spis, &new->spi, sizeof(new->spi), other);
	} while (other);
	HASH_ADD(hh, ike->spis, spi, sizeof(new->spi), new);
	pthread_mutex_unlock(&ike->lock);
	*spi = htonl(new->spi);
	return SUCCESS;
}

/* Those of inbound SAs, or those that never were one's: a peer may give its
 * own SA the same number. */
static void spi_free(struct ike *ike, uint32_t value, bool installed)
{
	struct spi *spi;

	HASH_FIND(hh, ike->spis, &value, sizeof(value), spi);
	if (!spi || spi->installed != installed)
		return;
	HASH_DEL(ike->spis, spi);
	free(spi);
}

static void spi_install(struct ike *ike, uint32_t value)
{
	struct spi *spi;

	HASH_FIND(hh, ike->spis, &value, sizeof(value), spi);
	if (spi)
		spi->installed = true;
}

static status_t get_cpi(kernel_ipsec_t *this, host_t *src, host_t *dst,
			uint16_t *cpi)
{
	(void)this, (void)src, (void)dst, (void)cpi;
	return FAILED;
}

const struct ike_range ike_ranges[IKE_USES] = {
	[IKE_USE_MH] = {IP6_PROTO_MH, 0, 0xffff},
	[IKE_USE_PREFIXES] = {IP6_PROTO_ICMPV6, MIP_MPS << 8,
			      MIP_MPA << 8 | 0xff},
};

traffic_selector_t *ike_ts(const struct in6_addr *addr, uint8_t len,
			   enum ike_use use)
{
	const struct ike_range *r = &ike_ranges[use];

	return traffic_selector_create_from_subnet(ike_host(addr, 0), len,
						   r->proto, r->from, r->to);
}

static enum ike_use use_of(traffic_selector_t *ts)
{
	const struct ike_range *r;
	int use;

	for (use = IKE_USE_MH; use < IKE_USES; use++) {
		r = &ike_ranges[use];
		if (ts->get_protocol(ts) == r->proto &&
		    ts->get_from_port(ts) == r->from &&
		    ts->get_to_port(ts) == r->to)
			break;
	}
	return use;
}

static bool ts_addr(traffic_selector_t *ts, struct in6_addr *addr)
{
	host_t *host;
	uint8_t len;

	if (ts->get_type(ts) != TS_IPV6_ADDR_RANGE ||
	    !ts->to_subnet(ts, &host, &len))
		return false;
	*addr = ike_addr(host);
	host->destroy(host);
	return len == 128;
}

bool ike_ts_addr(linked_list_t *list, struct in6_addr *addr, bool *mh_only)
{
	enumerator_t *e = list->create_enumerator(list);
	bool uses[IKE_USES + 1] = {false}, good = true, first = true;
	traffic_selector_t *ts;
	struct in6_addr other;

	while (good && e->enumerate(e, &ts)) {
		uses[use_of(ts)] = true;
		good = ts_addr(ts, &other) &&
		       (first || ip6_addr_eq(addr, &other));
		*addr = other;
		first = false;
	}
	e->destroy(e);
	*mh_only = !uses[IKE_USE_PREFIXES];
	return good && uses[IKE_USE_MH] && !uses[IKE_USES];
}

static bool sa_fill(struct ike_sa *sa, const kernel_ipsec_sa_id_t *id,
		    const kernel_ipsec_add_sa_t *data)
{
	bool src_only, dst_only;

	sa->spi = ntohl(id->spi);
	sa->inbound = data->inbound;
	switch (data->enc_alg) {
	case ENCR_CHACHA20_POLY1305:
		sa->alg = ESP_CHACHA20_POLY1305;
		break;
	case ENCR_AES_GCM_ICV16:
		sa->alg = ESP_AES_256_GCM;
		break;
	default:
		return false;
	}
	if (data->enc_key.len != ESP_KEY_LEN || data->esn ||
	    data->mode != MODE_TRANSPORT || id->proto != IPPROTO_ESP)
		return false;
	memcpy(sa->key, data->enc_key.ptr, ESP_KEY_LEN);
	if (!ike_ts_addr(data->src_ts, &sa->src, &src_only) ||
	    !ike_ts_addr(data->dst_ts, &sa->dst, &dst_only))
		return false;
	sa->mh_only = src_only || dst_only;
	return true;
}

/* On our side of it, which is which: the mobile node began. */
static bool src_is_hoa(const struct conn *conn, bool inbound)
{
	return conn->initiator != inbound;
}

/*
 * libcharon may begin and narrow by itself, told so by the peer: nothing is
 * installed but what we asked for, or allowed.
 */
static bool is_agreed(const struct conn *conn, const struct ike_sa *sa)
{
	bool from_hoa = src_is_hoa(conn, sa->inbound);

	return (conn->initiator || conn->allowed) &&
	       ip6_addr_eq(&conn->hoa, from_hoa ? &sa->src : &sa->dst) &&
	       ip6_addr_eq(&conn->ha, from_hoa ? &sa->dst : &sa->src);
}

static void conn_add_sa(struct ike *ike, struct conn *conn,
			const struct ike_sa *sa)
{
	conn->told = true;
	conn->sas[conn->n_sas].spi = sa->spi;
	conn->sas[conn->n_sas++].inbound = sa->inbound;
	if (sa->inbound)
		spi_install(ike, sa->spi);
}

static status_t add_sa(kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
		       kernel_ipsec_add_sa_t *data)
{
	struct box_item item = {.what = BOX_SA_ADD};
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	struct ike *ike = the_ike;
	status_t status = FAILED;
	struct conn *conn;

	(void)this;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && conn->n_sas < CONN_SAS_MAX &&
	    sa_fill(&item.sa, id, data) && is_agreed(conn, &item.sa)) {
		conn_add_sa(ike, conn, &item.sa);
		ike_about(&item, conn, ike_sa);
		box_tell(&ike->box, &item);
		status = SUCCESS;
	}
	pthread_mutex_unlock(&ike->lock);
	sodium_memzero(&item, sizeof(item));
	return status;
}

void ike_tell_sa_del(struct ike *ike, struct conn *conn, ike_sa_t *ike_sa,
		     unsigned int n)
{
	struct box_item item = {.what = BOX_SA_DEL};
	bool from_hoa = src_is_hoa(conn, conn->sas[n].inbound);

	ike_about(&item, conn, ike_sa);
	item.sa.spi = conn->sas[n].spi;
	item.sa.inbound = conn->sas[n].inbound;
	item.sa.src = from_hoa ? conn->hoa : conn->ha;
	item.sa.dst = from_hoa ? conn->ha : conn->hoa;
	if (item.sa.inbound)
		spi_free(ike, item.sa.spi, true);
	conn->sas[n] = conn->sas[--conn->n_sas];
	box_tell(&ike->box, &item);
}

static status_t del_sa(kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
		       kernel_ipsec_del_sa_t *data)
{
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	struct ike *ike = the_ike;
	uint32_t spi = ntohl(id->spi);
	struct conn *conn;
	unsigned int n;

	(void)this, (void)data;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	for (n = 0; conn && n < conn->n_sas; n++) {
		if (conn->sas[n].spi != spi)
			continue;
		ike_tell_sa_del(ike, conn, ike_sa, n);
		break;
	}
	spi_free(ike, spi, false);
	pthread_mutex_unlock(&ike->lock);
	return SUCCESS;
}

/* The selectors stay as they are, wherever the IKE SA goes. */
static status_t update_sa(kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
			  kernel_ipsec_update_sa_t *data)
{
	(void)this, (void)id, (void)data;
	return SUCCESS;
}

static status_t query_sa(kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
			 kernel_ipsec_query_sa_t *data, uint64_t *bytes,
			 uint64_t *packets, time_t *time)
{
	(void)this, (void)id, (void)data, (void)bytes, (void)packets,
	(void)time;
	return NOT_SUPPORTED;
}

static status_t flush(kernel_ipsec_t *this)
{
	(void)this;
	return SUCCESS;
}

/* sadb_open() checks selectors: no policy is needed for that. */
static status_t policy(kernel_ipsec_t *this, kernel_ipsec_policy_id_t *id,
		       kernel_ipsec_manage_policy_t *data)
{
	(void)this, (void)id, (void)data;
	return SUCCESS;
}

static status_t query_policy(kernel_ipsec_t *this,
			     kernel_ipsec_policy_id_t *id,
			     kernel_ipsec_query_policy_t *data,
			     time_t *use_time)
{
	(void)this, (void)id, (void)data, (void)use_time;
	return NOT_SUPPORTED;
}

static bool bypass_socket(kernel_ipsec_t *this, int fd, int family)
{
	(void)this, (void)fd, (void)family;
	return true;
}

static bool udp_decap(kernel_ipsec_t *this, int fd, int family, uint16_t port)
{
	(void)this, (void)fd, (void)family, (void)port;
	return true;
}

static void ipsec_free(kernel_ipsec_t *this)
{
	free(this);
}

static kernel_ipsec_t *ipsec_new(void)
{
	kernel_ipsec_t *this = calloc(1, sizeof(*this));

	if (this)
		*this = (kernel_ipsec_t){
			.get_features = ipsec_features,
			.get_spi = get_spi,
			.get_cpi = get_cpi,
			.add_sa = add_sa,
			.update_sa = update_sa,
			.query_sa = query_sa,
			.del_sa = del_sa,
			.flush_sas = flush,
			.add_policy = policy,
			.query_policy = query_policy,
			.del_policy = policy,
			.flush_policies = flush,
			.bypass_socket = bypass_socket,
			.enable_udp_decap = udp_decap,
			.destroy = ipsec_free,
		};
	return this;
}

/* ---- the network: an IKE SA runs from where the daemon says, see mn/ */

static kernel_feature_t net_features(kernel_net_t *this)
{
	(void)this;
	return 0;
}

/* For MOBIKE: the address that ike_move_told() gave. */
static host_t *source_addr(kernel_net_t *this, host_t *dest, host_t *src)
{
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	struct ike *ike = the_ike;
	struct in6_addr local = in6addr_any;
	struct conn *conn;

	(void)this, (void)dest;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn)
		local = conn->local;
	pthread_mutex_unlock(&ike->lock);
	if (!IN6_IS_ADDR_UNSPECIFIED(&local))
		return ike_host(&local, 0);
	if (src)
		return src->clone(src);
	if (!ike_sa)
		return NULL;
	src = ike_sa->get_my_host(ike_sa);
	return src->clone(src);
}

static host_t *nexthop(kernel_net_t *this, host_t *dest, int prefix,
		       host_t *src, char **iface)
{
	(void)this, (void)dest, (void)prefix, (void)src;
	if (iface)
		*iface = NULL;
	return NULL;
}

/* There has to be one for an address that was assigned, see add_ip(). */
static bool interface_of(kernel_net_t *this, host_t *host, char **name)
{
	(void)this, (void)host;
	if (name)
		*name = strdup("none");
	return !name || *name;
}

static enumerator_t *addresses(kernel_net_t *this, kernel_address_type_t which)
{
	(void)this, (void)which;
	return enumerator_create_empty();
}

static enumerator_t *subnets(kernel_net_t *this)
{
	(void)this;
	return enumerator_create_empty();
}

/* A home address that was assigned. Where it goes is the daemon's business;
 * but libcharon forgets it unless this succeeds. */
static status_t add_ip(kernel_net_t *this, host_t *ip, int prefix, char *iface)
{
	(void)this, (void)ip, (void)prefix, (void)iface;
	return SUCCESS;
}

static status_t del_ip(kernel_net_t *this, host_t *ip, int prefix, bool wait)
{
	(void)this, (void)ip, (void)prefix, (void)wait;
	return SUCCESS;
}

static status_t route(kernel_net_t *this, chunk_t net, uint8_t len,
		      host_t *gateway, host_t *src, char *iface, bool pass)
{
	(void)this, (void)net, (void)len, (void)gateway, (void)src,
	(void)iface, (void)pass;
	return NOT_SUPPORTED;
}

static void net_free(kernel_net_t *this)
{
	free(this);
}

static kernel_net_t *net_new(void)
{
	kernel_net_t *this = calloc(1, sizeof(*this));

	if (this)
		*this = (kernel_net_t){
			.get_features = net_features,
			.get_source_addr = source_addr,
			.get_nexthop = nexthop,
			.get_interface = interface_of,
			.create_address_enumerator = addresses,
			.create_local_subnet_enumerator = subnets,
			.add_ip = add_ip,
			.del_ip = del_ip,
			.add_route = route,
			.del_route = route,
			.destroy = net_free,
		};
	return this;
}

/* ---- */

void ike_kernel_features(void)
{
	static plugin_feature_t features[] = {
		PLUGIN_CALLBACK(kernel_ipsec_register, ipsec_new),
			PLUGIN_PROVIDE(CUSTOM, "kernel-ipsec"),
		PLUGIN_CALLBACK(kernel_net_register, net_new),
			PLUGIN_PROVIDE(CUSTOM, "kernel-net"),
	};

	lib->plugins->add_static_features(lib->plugins, "kedge", features,
					  countof(features), TRUE, NULL, NULL);
}
