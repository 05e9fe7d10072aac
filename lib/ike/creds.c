/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who we are and whom we believe: certificates, keys, configurations. */
#include "ike/charon.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

/* RFC 8247, RFC 8221; what CHILD_SAs get is what proto/esp.c can do. */
#define IKE_PROPOSAL "aes256gcm16-chacha20poly1305-prfsha256-prfsha384-" \
	"curve25519-ecp256-ecp384-modp3072"
#define IKE_PROPOSAL_OLD "aes256-sha256-prfsha256-curve25519-ecp256-modp3072"
#define ESP_GROUPS "curve25519-ecp256-ecp384-modp3072-noesn"

/* ---- files */

static int cannot(const char *what, const char *path)
{
	int err = access(path, R_OK) ? -errno : -EKEYREJECTED;

	log_err("IKE: %s %s: %s", what, path, err == -EKEYREJECTED ?
		"cannot be read as such" : strerror(-err));
	return err;
}

static certificate_t *load_cert(const char *path, certificate_type_t type)
{
	return lib->creds->create(lib->creds, CRED_CERTIFICATE, type,
				  BUILD_FROM_FILE, path, BUILD_END);
}

static int load_ca(struct ike *ike, const char *path)
{
	certificate_t *cert = load_cert(path, CERT_X509);
	x509_t *x509 = (x509_t *)cert;

	if (!cert)
		return cannot("CA certificate", path);
	if (!(x509->get_flags(x509) & X509_CA)) {
		log_err("IKE: %s: not the certificate of a CA", path);
		cert->destroy(cert);
		return -EKEYREJECTED;
	}
	ike->creds->add_cert(ike->creds, TRUE, cert);
	return 0;
}

int ike_creds_crl(const char *path, certificate_t **out)
{
	*out = load_cert(path, CERT_X509_CRL);
	return *out ? 0 : cannot("revocation list", path);
}

static int load_crl(struct ike *ike, const char *path)
{
	certificate_t *crl;
	int err = ike_creds_crl(path, &crl);

	if (!err)
		ike->creds->add_crl(ike->creds, (crl_t *)crl);
	return err;
}

static bool key_fits(private_key_t *key, certificate_t *cert)
{
	public_key_t *public = cert->get_public_key(cert);
	bool fits = public && key->belongs_to(key, public);

	DESTROY_IF(public);
	return fits;
}

static int load_own(struct ike *ike)
{
	const struct ike_conf *conf = ike->conf;
	private_key_t *key;

	if (!conf->certificate)
		return 0;
	ike->cert = load_cert(conf->certificate, CERT_X509);
	if (!ike->cert)
		return cannot("certificate", conf->certificate);
	ike->cert = ike->creds->add_cert_ref(ike->creds, FALSE, ike->cert);
	key = lib->creds->create(lib->creds, CRED_PRIVATE_KEY, KEY_ANY,
				 BUILD_FROM_FILE, conf->key, BUILD_END);
	if (!key)
		return cannot("private key", conf->key);
	if (!key_fits(key, ike->cert)) {
		key->destroy(key);
		log_err("IKE: %s is not the key of %s", conf->key,
			conf->certificate);
		return -EKEYREJECTED;
	}
	ike->creds->add_key(ike->creds, key);
	if (ike->cert->has_subject(ike->cert, ike->identity))
		return 0;
	log_err("IKE: %s does not name the identity %s", conf->certificate,
		conf->identity);
	return -EKEYREJECTED;
}

/* ---- pre-shared keys: patterns that libcharon has not */

/*
 * The one key that is meant for this peer: an exact identity before a pattern,
 * then the first. Only one: libcharon would try them all, and who knows any of
 * them could take any identity.
 */
static shared_key_t *psk_find(struct ike *ike, const char *other)
{
	shared_key_t *found = NULL;
	const struct ike_psk *psk;
	size_t n = 0;

	for (psk = ike->conf->psks; psk; psk = psk->next, n++) {
		if (!strcasecmp(psk->identity, other))
			return ike->psk_keys[n];
		if (!found && ike_match(psk->identity, other))
			found = ike->psk_keys[n];
	}
	return found;
}

/* The initiator has to choose a key before it knows whom it talks to, but for
 * the address. */
static shared_key_t *psk_guess(struct ike *ike)
{
	ike_sa_t *ike_sa = charon->bus->get_sa(charon->bus);
	char text[INET6_ADDRSTRLEN];
	shared_key_t *found = NULL;
	struct in6_addr addr;

	if (ike_sa) {
		addr = ike_addr(ike_sa->get_other_host(ike_sa));
		inet_ntop(AF_INET6, &addr, text, sizeof(text));
		found = psk_find(ike, text);
	}
	return found ? found : ike->psk_keys[0];
}

struct psk_list {
	enumerator_t public;
	shared_key_t *key;	/* NULL: none, or no more */
};

static bool psk_next(enumerator_t *public, va_list args)
{
	struct psk_list *l = (struct psk_list *)public;
	shared_key_t **key = va_arg(args, shared_key_t **);
	id_match_t *me = va_arg(args, id_match_t *);
	id_match_t *other = va_arg(args, id_match_t *);

	if (!l->key)
		return false;
	*key = l->key;
	l->key = NULL;
	if (me)
		*me = ID_MATCH_ANY;
	if (other)
		*other = ID_MATCH_PERFECT;
	return true;
}

static void psk_list_free(enumerator_t *public)
{
	free(public);
}

static enumerator_t *psk_enumerate(credential_set_t *set,
				   shared_key_type_t type,
				   identification_t *me,
				   identification_t *other)
{
	struct ike *ike = the_ike;
	char text[IKE_IDENTITY_LEN];
	struct psk_list *l;

	(void)set, (void)me;
	if (type != SHARED_IKE || !other)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->public = (enumerator_t){
		.enumerate = enumerator_enumerate_default,
		.venumerate = psk_next, .destroy = psk_list_free };
	if (other->get_type(other) == ID_ANY)
		l->key = psk_guess(ike);
	else if (!ike_identity(other, text))
		l->key = psk_find(ike, text);
	return &l->public;
}

static enumerator_t *no_private(credential_set_t *set, key_type_t type,
				identification_t *id)
{
	(void)set, (void)type, (void)id;
	return NULL;
}

static enumerator_t *no_certs(credential_set_t *set, certificate_type_t cert,
			      key_type_t key, identification_t *id,
			      bool trusted)
{
	(void)set, (void)cert, (void)key, (void)id, (void)trusted;
	return NULL;
}

static enumerator_t *no_cdps(credential_set_t *set, certificate_type_t type,
			     identification_t *id)
{
	(void)set, (void)type, (void)id;
	return NULL;
}

static void no_cache(credential_set_t *set, certificate_t *cert)
{
	(void)set, (void)cert;
}

static int load_psks(struct ike *ike)
{
	const struct ike_psk *psk;
	size_t n = 0;

	for (psk = ike->conf->psks; psk; psk = psk->next)
		n++;
	ike->psk_keys = calloc(n + 1, sizeof(*ike->psk_keys));
	if (!ike->psk_keys)
		return -ENOMEM;
	for (n = 0, psk = ike->conf->psks; psk; psk = psk->next, n++)
		ike->psk_keys[n] = shared_key_create(SHARED_IKE,
			chunk_clone(chunk_create((u_char *)psk->secret,
						 psk->len)));
	ike->psk_set = (credential_set_t){
		.create_private_enumerator = no_private,
		.create_cert_enumerator = no_certs,
		.create_shared_enumerator = psk_enumerate,
		.create_cdp_enumerator = no_cdps,
		.cache_cert = no_cache,
	};
	return 0;
}

/* ---- identities */

/* Does this text mean this identity, and no other? */
static bool says(const char *text, identification_t *id)
{
	identification_t *back = identification_create_from_string(
							(char *)text);
	bool same = back->get_type(back) == id->get_type(id) &&
		    back->equals(back, id);

	back->destroy(back);
	return same;
}

/*
 * An owner is known by this text, so it must not stand for two: what cannot be
 * read back from it (unprintable letters, names that look like addresses, a
 * comma within a name) is none.
 */
int ike_identity(identification_t *id, char out[IKE_IDENTITY_LEN])
{
	static const char *format = "%Y";	/* libstrongswan's */
	bool known = false;
	int n;

	switch ((int)id->get_type(id)) {
	case ID_FQDN:
	case ID_RFC822_ADDR:
	case ID_IPV6_ADDR:
	case ID_DER_ASN1_DN:
		known = true;
		break;
	}
	n = snprintf(out, IKE_IDENTITY_LEN, format, id);
	if (n < 1 || n >= IKE_IDENTITY_LEN || id->contains_wildcards(id))
		known = false;
	return known && says(out, id) ? 0 : -EINVAL;
}

static int load_identity(struct ike *ike)
{
	char text[IKE_IDENTITY_LEN];

	ike->identity = identification_create_from_string(ike->conf->identity);
	if (!ike_identity(ike->identity, text))
		return 0;
	log_err("IKE: identity %s: neither a mail address, a host's name, an "
		"IPv6 address nor a distinguished name", ike->conf->identity);
	return -EINVAL;
}

int ike_creds_open(struct ike *ike)
{
	const struct ike_conf *conf = ike->conf;
	size_t i;
	int err = load_identity(ike);

	ike->creds = mem_cred_create();
	for (i = 0; i < conf->cas.n && !err; i++)
		err = load_ca(ike, conf->cas.v[i]);
	for (i = 0; i < conf->crls.n && !err; i++)
		err = load_crl(ike, conf->crls.v[i]);
	if (!err)
		err = load_own(ike);
	if (!err)
		err = load_psks(ike);
	if (err)
		return err;
	lib->credmgr->add_set(lib->credmgr, &ike->creds->set);
	lib->credmgr->add_set(lib->credmgr, &ike->psk_set);
	ike->creds_added = true;
	return 0;
}

void ike_creds_close(struct ike *ike)
{
	size_t i;

	if (ike->creds_added) {
		lib->credmgr->remove_set(lib->credmgr, &ike->psk_set);
		lib->credmgr->remove_set(lib->credmgr, &ike->creds->set);
	}
	for (i = 0; ike->psk_keys && ike->psk_keys[i]; i++)
		ike->psk_keys[i]->destroy(ike->psk_keys[i]);
	free(ike->psk_keys);
	DESTROY_IF(ike->cert);
	DESTROY_IF(ike->creds);
	DESTROY_IF(ike->identity);
}

static bool crl_has(crl_t *crl, x509_t *cert)
{
	enumerator_t *e = crl->create_enumerator(crl);
	crl_reason_t reason;
	chunk_t serial;
	bool found = false;
	time_t date;

	while (!found && e->enumerate(e, &serial, &date, &reason))
		found = reason != CRL_REASON_REMOVE_FROM_CRL &&
			chunk_equals(serial, cert->get_serial(cert));
	e->destroy(e);
	return found;
}

static bool is_revoked(struct ike *ike, certificate_t *cert)
{
	credential_set_t *set = &ike->creds->set;
	identification_t *issuer = cert->get_issuer(cert);
	enumerator_t *e = set->create_cert_enumerator(set, CERT_X509_CRL,
						KEY_ANY, issuer, FALSE);
	certificate_t *crl;
	bool found = false;

	while (!found && e->enumerate(e, &crl))
		found = issuer->equals(issuer, crl->get_issuer(crl)) &&
			crl_has((crl_t *)crl, (x509_t *)cert);
	e->destroy(e);
	return found;
}

static enum reason cert_reason(struct ike *ike, certificate_t *cert)
{
	if (!cert->get_validity(cert, NULL, NULL, NULL))
		return REASON_IKE_CERT_EXPIRED;
	return is_revoked(ike, cert) ? REASON_IKE_CERT_REVOKED : REASON_NONE;
}

/* The peer's own, and those of the CAs between it and ours. */
static enum reason auth_reason(struct ike *ike, auth_cfg_t *auth)
{
	enumerator_t *e = auth->create_enumerator(auth);
	enum reason reason = REASON_NONE;
	auth_rule_t rule;
	void *value;

	while (!reason && e->enumerate(e, &rule, &value))
		if (rule == AUTH_RULE_SUBJECT_CERT ||
		    rule == AUTH_RULE_IM_CERT || rule == AUTH_RULE_CA_CERT)
			reason = cert_reason(ike, value);
	e->destroy(e);
	return reason;
}

enum reason ike_cert_reason(struct ike *ike, ike_sa_t *ike_sa)
{
	enumerator_t *e = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	enum reason reason = REASON_NONE;
	auth_cfg_t *auth;

	while (!reason && e->enumerate(e, &auth))
		reason = auth_reason(ike, auth);
	e->destroy(e);
	return reason;
}

/* ---- configurations */

static void add_auth(const struct ike *ike, peer_cfg_t *cfg, bool psk)
{
	auth_cfg_t *ours = auth_cfg_create(), *theirs = auth_cfg_create();
	auth_class_t class = psk ? AUTH_CLASS_PSK : AUTH_CLASS_PUBKEY;

	ours->add(ours, AUTH_RULE_AUTH_CLASS, class);
	ours->add(ours, AUTH_RULE_IDENTITY,
		  ike->identity->clone(ike->identity));
	if (!psk)
		ours->add(ours, AUTH_RULE_SUBJECT_CERT,
			  ike->cert->get_ref(ike->cert));
	cfg->add_auth_cfg(cfg, ours, TRUE);
	/* anybody whom a CA or a key vouches for: what he may do is judged
	 * by his identity later */
	theirs->add(theirs, AUTH_RULE_AUTH_CLASS, class);
	theirs->add(theirs, AUTH_RULE_IDENTITY,
		    identification_create_from_string("%any"));
	cfg->add_auth_cfg(cfg, theirs, FALSE);
}

static ike_cfg_t *new_ike_cfg(const char *local, uint16_t port,
			      const char *remote)
{
	ike_cfg_create_t data = {
		.version = IKEV2,
		.local = (char *)local,
		.local_port = port,
		.remote = (char *)remote,
		.remote_port = IKEV2_UDP_PORT,
		.fragmentation = FRAGMENTATION_YES,
		.childless = CHILDLESS_NEVER,
	};
	ike_cfg_t *cfg = ike_cfg_create(&data);

	cfg->add_proposal(cfg, proposal_create_from_string(PROTO_IKE,
							   IKE_PROPOSAL));
	cfg->add_proposal(cfg, proposal_create_from_string(PROTO_IKE,
							IKE_PROPOSAL_OLD));
	return cfg;
}

/* No lifetime and no dead peer detection of libcharon's: ike/keys.c. Takes
 * ike_cfg over. */
static peer_cfg_t *new_peer_cfg(const struct ike *ike, char *name,
				ike_cfg_t *ike_cfg, bool psk)
{
	peer_cfg_create_t data = {
		.cert_policy = CERT_ALWAYS_SEND,
		.unique = UNIQUE_NO,	/* but INITIAL_CONTACT is heeded */
		.keyingtries = 1,
	};
	peer_cfg_t *cfg = peer_cfg_create(name, ike_cfg, &data);

	add_auth(ike, cfg, psk);
	return cfg;
}

/* RFC 4877 4.2: transport mode for MH and prefix discovery, between addresses
 * that are not those that IKE runs between. */
static child_cfg_t *new_child_cfg(void)
{
	child_cfg_create_t data = {
		.options = OPT_PROXY_MODE,
		.mode = MODE_TRANSPORT,
	};
	child_cfg_t *cfg = child_cfg_create("mh", &data);
	const char *aead = esp_alg_available(ESP_AES_256_GCM) ?
		"aes256gcm16-chacha20poly1305" : "chacha20poly1305";
	char text[128];

	snprintf(text, sizeof(text), "%s-" ESP_GROUPS, aead);
	cfg->add_proposal(cfg, proposal_create_from_string(PROTO_ESP, text));
	snprintf(text, sizeof(text), "%s-noesn", aead);
	cfg->add_proposal(cfg, proposal_create_from_string(PROTO_ESP, text));
	return cfg;
}

static void add_ts(child_cfg_t *cfg, bool local, const struct in6_addr *addr,
		   uint8_t len)
{
	enum ike_use use;

	for (use = IKE_USE_MH; use < IKE_USES; use++)
		cfg->add_traffic_selector(cfg, local, ike_ts(addr, len, use));
}

/*
 * RFC 5026 5.3.1: INTERNAL_IP6_ADDRESS, empty, in the first IKE_AUTH. With it
 * goes ::/0 as our selector, which the home agent narrows; what libcharon takes
 * of the answer is the assigned address alone. It keeps that as the IKE SA's
 * own, so that later exchanges name it.
 */
static void add_request(peer_cfg_t *cfg, child_cfg_t *child)
{
	const struct ike_range *r;

	cfg->add_virtual_ip(cfg, host_create_any(AF_INET6));
	for (r = ike_ranges; r < ike_ranges + IKE_USES; r++)
		child->add_traffic_selector(child, TRUE,
			traffic_selector_create_dynamic(r->proto, r->from,
							r->to));
}

peer_cfg_t *ike_initiator_cfg(struct ike *ike, const struct conn *conn,
			      child_cfg_t **child)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN], name[32];
	uint16_t port = charon->socket->get_port(charon->socket, FALSE);
	peer_cfg_t *cfg;

	inet_ntop(AF_INET6, &conn->local, local, sizeof(local));
	inet_ntop(AF_INET6, &conn->ha, remote, sizeof(remote));
	snprintf(name, sizeof(name), "ike-%u", conn->id);
	cfg = new_peer_cfg(ike, name, new_ike_cfg(local, port, remote),
			   !ike->cert);
	*child = new_child_cfg();
	if (conn->requested)
		add_request(cfg, *child);
	else
		add_ts(*child, TRUE, &conn->hoa, 128);
	add_ts(*child, FALSE, &conn->ha, 128);
	cfg->add_child_cfg(cfg, (*child)->get_ref(*child));
	return cfg;
}

/* ---- what we answer with */

static enumerator_t *ike_cfgs(backend_t *backend, host_t *me, host_t *other)
{
	(void)backend, (void)me, (void)other;
	return enumerator_create_single(the_ike->ike_cfg, NULL);
}

struct cfg_list {
	enumerator_t public;
	unsigned int next;
};

static bool cfg_next(enumerator_t *public, va_list args)
{
	struct cfg_list *l = (struct cfg_list *)public;
	peer_cfg_t **cfg = va_arg(args, peer_cfg_t **);

	while (l->next < countof(the_ike->peer_cfgs)) {
		*cfg = the_ike->peer_cfgs[l->next++];
		if (*cfg)
			return true;
	}
	return false;
}

static void cfg_list_free(enumerator_t *public)
{
	free(public);
}

static enumerator_t *peer_cfgs(backend_t *backend, identification_t *me,
			       identification_t *other)
{
	struct cfg_list *l = calloc(1, sizeof(*l));

	(void)backend, (void)me, (void)other;
	if (!l)
		return NULL;
	l->public = (enumerator_t){
		.enumerate = enumerator_enumerate_default,
		.venumerate = cfg_next, .destroy = cfg_list_free };
	return &l->public;
}

static peer_cfg_t *cfg_by_name(backend_t *backend, char *name)
{
	(void)backend, (void)name;
	return NULL;
}

static peer_cfg_t *responder_cfg(struct ike *ike, char *name, bool psk)
{
	peer_cfg_t *cfg = new_peer_cfg(ike, name,
			ike->ike_cfg->get_ref(ike->ike_cfg), psk);
	child_cfg_t *child = new_child_cfg();
	size_t i;

	for (i = 0; i < ike->n_addrs; i++)
		add_ts(child, TRUE, &ike->addrs[i], 128);
	for (i = 0; i < ike->n_prefixes; i++)
		add_ts(child, FALSE, &ike->prefixes[i].addr,
		       ike->prefixes[i].len);
	cfg->add_child_cfg(cfg, child);
	return cfg;
}

int ike_responder_open(struct ike *ike)
{
	ike->ike_cfg = new_ike_cfg("%any", (uint16_t)ike->conf->port, "%any");
	if (ike->cert)
		ike->peer_cfgs[0] = responder_cfg(ike, "certificate", false);
	if (ike->conf->psks)
		ike->peer_cfgs[1] = responder_cfg(ike, "psk", true);
	ike->backend = (backend_t){
		.create_ike_cfg_enumerator = ike_cfgs,
		.create_peer_cfg_enumerator = peer_cfgs,
		.get_peer_cfg_by_name = cfg_by_name,
	};
	charon->backends->add_backend(charon->backends, &ike->backend);
	ike->backend_added = true;
	return 0;
}

void ike_responder_close(struct ike *ike)
{
	unsigned int i;

	if (ike->backend_added)
		charon->backends->remove_backend(charon->backends,
						 &ike->backend);
	for (i = 0; i < countof(ike->peer_cfgs); i++)
		DESTROY_IF(ike->peer_cfgs[i]);
	DESTROY_IF(ike->ike_cfg);
}
