/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a message was refused. Every refusal in the control plane is one of
 * these, and each is a counter of the same name ("kedgectl counters").
 */
#ifndef KEDGE_REASON_H
#define KEDGE_REASON_H

#define REASONS(X) \
	/* IPv6 and its extension headers */ \
	X(TRUNCATED, "truncated", "shorter than its headers say") \
	X(OVERSIZE, "oversize", "longer than signalling can be") \
	X(NOT_IPV6, "not_ipv6", "version field is not 6") \
	X(BAD_EXTHDR, "bad_exthdr", "malformed or repeated extension header") \
	X(FRAGMENT, "fragment", "fragmented signalling") \
	X(BAD_OPTION, "bad_option", "option length or content is wrong") \
	X(BAD_RH, "bad_rh", "type 2 routing header is malformed") \
	X(NOT_FOR_US, "not_for_us", "final destination is not ours") \
	X(BAD_ADDRESS, "bad_address", "an address that is not unicast routable") \
	/* Mobility Header */ \
	X(MH_TRUNCATED, "mh_truncated", "shorter than its header length") \
	X(MH_LENGTH, "mh_length", "header length not its type's or packet's") \
	X(MH_PAYLOAD_PROTO, "mh_payload_proto", "payload proto is not 59") \
	X(MH_CHECKSUM, "mh_checksum", "wrong checksum") \
	X(MH_UNKNOWN_TYPE, "mh_unknown_type", "unknown MH type") \
	X(MH_OPTION, "mh_option", "malformed mobility option") \
	X(MH_UNEXPECTED, "mh_unexpected", "MH type that this role does not take") \
	/* ESP */ \
	X(ESP_TRUNCATED, "esp_truncated", "ESP shorter than its fixed part") \
	X(ESP_UNKNOWN_SPI, "esp_unknown_spi", "no SA with this SPI") \
	X(ESP_SELECTOR, "esp_selector", "addresses are not the SA's") \
	X(ESP_REPLAY, "esp_replay", "sequence number seen or too old") \
	X(ESP_AUTH, "esp_auth", "integrity check failed") \
	X(ESP_PADDING, "esp_padding", "padding is not 1, 2, 3, ...") \
	X(ESP_NEXT_HEADER, "esp_next_header", "next header is not MH") \
	X(ESP_SEQ_EXHAUSTED, "esp_seq_exhausted", "SA's sequence is used up") \
	X(ESP_EXPIRED, "esp_expired", "SA's hard lifetime is over") \
	/* IKEv2: refused by us, but for the last five */ \
	X(IKE_UNKNOWN_CA, "ike_unknown_ca", "certificate of no CA of ours") \
	X(IKE_CERT_EXPIRED, "ike_cert_expired", "certificate not valid now") \
	X(IKE_CERT_REVOKED, "ike_cert_revoked", "certificate is revoked") \
	X(IKE_CERT_POLICY, "ike_cert_policy", "a CA's constraint is violated") \
	X(IKE_SIGNATURE, "ike_signature", "signature or identity is wrong") \
	X(IKE_PSK, "ike_psk", "pre-shared key is wrong or there is none") \
	X(IKE_ID_DENIED, "ike_id_denied", "identity is not allowed") \
	X(IKE_TS, "ike_ts", "HoA not in our prefixes, or HA not ours") \
	X(IKE_NOT_OWNER, "ike_not_owner", "another identity owns the HoA") \
	X(IKE_NOT_AT_HOME, "ike_not_at_home", "unowned HoA, asked for from afar") \
	X(IKE_OWNS_MANY, "ike_owns_many", "identity owns too many HoAs") \
	X(IKE_POOL_DENIED, "ike_pool_denied", "identity is assigned no HoA") \
	X(IKE_POOL_EMPTY, "ike_pool_empty", "no HoA is left to assign") \
	X(IKE_ASSIGNED, "ike_assigned", "HoA that the HA assigned is no good") \
	X(IKE_ANCHOR, "ike_anchor", "peer is not named as that home agent") \
	X(IKE_PROPOSAL, "ike_proposal", "no algorithms in common") \
	X(IKE_MALFORMED, "ike_malformed", "IKE message cannot be parsed") \
	X(IKE_HALF_OPEN, "ike_half_open", "peer never finished") \
	X(IKE_NO_ANSWER, "ike_no_answer", "peer does not answer") \
	X(IKE_REFUSED_US, "ike_refused_us", "peer refused our identity") \
	X(IKE_REFUSED_TS, "ike_refused_ts", "peer refused SAs for the HoA") \
	X(IKE_REFUSED_HOA, "ike_refused_hoa", "peer assigned no HoA") \
	X(IKE_LOCAL, "ike_local", "could not be carried out here") \
	/* Neighbour Discovery */ \
	X(ND_HOP_LIMIT, "nd_hop_limit", "hop limit is not 255") \
	X(ND_CHECKSUM, "nd_checksum", "wrong ICMPv6 checksum") \
	X(ND_TRUNCATED, "nd_truncated", "shorter than its type needs") \
	X(ND_OPTION, "nd_option", "malformed option") \
	X(ND_SOURCE, "nd_source", "source address not allowed") \
	X(ND_TARGET, "nd_target", "target address not allowed") \
	X(ND_UNKNOWN_TYPE, "nd_unknown_type", "not a type that we take") \
	/* Binding Updates and Acknowledgements */ \
	X(BU_UNPROTECTED, "bu_unprotected", "no ESP") \
	X(BU_NOT_OWNER, "bu_not_owner", "SA's identity does not own the HoA") \
	X(BU_NOT_HOME_REG, "bu_not_home_reg", "H flag clear; we are no CN") \
	X(BU_NONCE_INDICES, "bu_nonce_indices", "nonce indices with H set") \
	X(BU_SEQ, "bu_seq", "sequence number out of window") \
	X(BU_NOT_HOME_SUBNET, "bu_not_home_subnet", "HoA not on our link") \
	X(BU_NO_BINDING, "bu_no_binding", "deregistration without binding") \
	X(BU_BAD_COA, "bu_bad_coa", "care-of address not acceptable") \
	X(BU_NO_ALT_COA, "bu_no_alt_coa", "no alternate CoA under ESP") \
	X(BU_RESOURCES, "bu_resources", "binding cache is full") \
	X(BU_INTERNAL, "bu_internal", "could not be carried out") \
	X(BA_UNPROTECTED, "ba_unprotected", "no ESP") \
	X(BA_UNMATCHED, "ba_unmatched", "no BU outstanding for it") \
	X(BA_SEQ, "ba_seq", "sequence number does not match") \
	X(BA_SOURCE, "ba_source", "not from the home agent") \
	X(BE_UNMATCHED, "be_unmatched", "Binding Error that fits nothing") \
	/* the tunnel's slow path, and ICMPv6 errors about its packets */ \
	X(TUNNEL_INNER, "tunnel_inner", "no good IPv6 packet in the tunnel") \
	X(TUNNEL_ECN, "tunnel_ecn", "congestion marked, sender cannot hear it") \
	X(TUNNEL_LINK_SCOPE, "tunnel_link_scope", "inner destination of link scope") \
	X(TUNNEL_MULTICAST, "tunnel_multicast", "multicast on the slow path") \
	X(TUNNEL_INTERFACE, "tunnel_interface", "came where no data plane is") \
	X(TUNNEL_NO_BINDING, "tunnel_no_binding", "inner address is not bound") \
	X(TUNNEL_WRONG_COA, "tunnel_wrong_coa", "care-of address is another") \
	X(TUNNEL_WRONG_HA, "tunnel_wrong_ha", "home agent is another") \
	X(TUNNEL_QUOTE, "tunnel_quote", "ICMPv6 error that quotes too little") \
	X(TUNNEL_QUOTE_UNBOUND, "tunnel_quote_unbound", "ICMPv6 error, no tunnel of ours") \
	/* applications */ \
	X(APP_MALFORMED, "app_malformed", "application's request is none") \
	X(APP_CROWDED, "app_crowded", "too many applications ask at a time") \
	X(APP_DENIED, "app_denied", "policy does not permit that service") \
	X(APP_TIMEOUT, "app_timeout", "not to be had within the time given") \
	/* sending */ \
	X(NO_SA, "no_sa", "no SA to send under") \
	X(SEND_FAILED, "send_failed", "the kernel refused to send")

enum reason {
	REASON_NONE = 0,
#define X(sym, name, text) REASON_##sym,
	REASONS(X)
#undef X
	REASON__MAX
};

/* The counter's name ("esp_replay"), never NULL. */
const char *reason_str(enum reason reason);
/* One line for a person, never NULL. */
const char *reason_text(enum reason reason);

#endif
