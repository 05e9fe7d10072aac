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
	X(HAO_NO_BINDING, "hao_no_binding", "home address not bound to that source") \
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
	X(MH_UNPROTECTED, "mh_unprotected", "no ESP, and its type needs it") \
	X(HB_UNMATCHED, "hb_unmatched", "heartbeat that answers no request") \
	X(BRI_REFUSED, "bri_refused", "revocation of what we have not") \
	X(BRA_UNMATCHED, "bra_unmatched", "answers no revocation under way") \
	/* ESP */ \
	X(ESP_TRUNCATED, "esp_truncated", "ESP shorter than its fixed part") \
	X(ESP_UNKNOWN_SPI, "esp_unknown_spi", "no SA with this SPI") \
	X(ESP_SELECTOR, "esp_selector", "addresses are not the SA's") \
	X(ESP_REPLAY, "esp_replay", "sequence number seen or too old") \
	X(ESP_AUTH, "esp_auth", "integrity check failed") \
	X(ESP_PADDING, "esp_padding", "padding is not 1, 2, 3, ...") \
	X(ESP_NEXT_HEADER, "esp_next_header", "next header not MH or ICMPv6") \
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
	X(MIP_UNEXPECTED, "mip_unexpected", "ICMPv6 type not taken from there") \
	X(HAAD_LIMITED, "haad_limited", "home agents asked for too often") \
	X(HALIST_FULL, "halist_full", "too many home agents on the link") \
	X(MPS_UNBOUND, "mps_unbound", "HoA that asks is not bound there") \
	X(MPS_REFUSED, "mps_refused", "prefixes are not told, or no memory") \
	X(MPA_UNSOLICITED, "mpa_unsolicited", "prefixes that were not asked for") \
	X(MPA_SOURCE, "mpa_source", "prefixes not from the HA, or not by RH2") \
	X(RA_LIMITED, "ra_limited", "host solicits too often, or too many do") \
	X(RA_INCONSISTENT, "ra_inconsistent", "another router advertises otherwise") \
	X(HOSTS_FULL, "hosts_full", "no prefix is left for another host") \
	X(HAAD_UNMATCHED, "haad_unmatched", "home agent discovery that we did not ask for") \
	X(HAAD_SOURCE, "haad_source", "discovery reply not from the home link") \
	X(HAAD_LIST, "haad_list", "discovery reply with none, or too many") \
	/* Binding Updates and Acknowledgements */ \
	X(BU_UNPROTECTED, "bu_unprotected", "no ESP") \
	X(BU_NOT_OWNER, "bu_not_owner", "SA's identity does not own the HoA") \
	X(BU_NOT_HOME_REG, "bu_not_home_reg", "H flag clear; we are no CN") \
	X(BU_NONCE_INDICES, "bu_nonce_indices", "nonce indices with H set") \
	X(BU_SEQ, "bu_seq", "sequence number out of window") \
	X(BU_NOT_HOME_SUBNET, "bu_not_home_subnet", "HoA not on our link") \
	X(BU_ROUTER, "bu_router", "mobile routers are not served") \
	X(BU_ROUTER_CHANGE, "bu_router_change", "R flag is not as it was bound") \
	X(BU_PREFIX_INVALID, "bu_prefix_invalid", "mobile network prefix is no good") \
	X(BU_PREFIX_DENIED, "bu_prefix_denied", "mobile network prefix of another") \
	X(BU_PREFIX_NONE, "bu_prefix_none", "no mobile network prefix is known") \
	X(BU_NO_BINDING, "bu_no_binding", "deregistration without binding") \
	X(BU_BAD_COA, "bu_bad_coa", "care-of address not acceptable") \
	X(BU_NO_ALT_COA, "bu_no_alt_coa", "no alternate CoA under ESP") \
	X(BU_LEAVING, "bu_leaving", "HoA is being revoked, or switched") \
	X(BU_RESOURCES, "bu_resources", "binding cache is full") \
	X(BU_OPTIONS, "bu_options", "more mobility options than are looked at") \
	X(BU_NO_HOME_LINK, "bu_no_home_link", "we are home agent of no link") \
	X(BU_TYPE_CHANGE, "bu_type_change", "H flag clear, but it is bound with H") \
	X(BU_DUPLICATE, "bu_duplicate", "another node on the home link has the HoA") \
	X(BU_DAD_CROWDED, "bu_dad_crowded", "too many new HoAs to test at a time") \
	X(BU_SUPERSEDED, "bu_superseded", "newer one came while the HoA was tested") \
	X(BID_MALFORMED, "bid_malformed", "Binding Identifier is malformed, or no good") \
	X(BID_PROHIBITED, "bid_prohibited", "several CoAs, or so, are not allowed") \
	X(BID_PLAIN, "bid_plain", "binding without BID is there, O flag clear") \
	X(BID_UNKNOWN, "bid_unknown", "BID without CoA that is not registered") \
	X(FLOW_REFUSED, "flow_refused", "flow binding is not accepted") \
	X(BU_INTERNAL, "bu_internal", "could not be carried out") \
	X(BA_UNPROTECTED, "ba_unprotected", "no ESP") \
	X(BA_UNMATCHED, "ba_unmatched", "no BU outstanding for it") \
	X(BA_SEQ, "ba_seq", "sequence number does not match") \
	X(BA_SOURCE, "ba_source", "not from the home agent") \
	X(BE_UNMATCHED, "be_unmatched", "Binding Error that fits nothing") \
	X(MH_UNSUPPORTED, "mh_unsupported", "HA does not know what a BU is") \
	X(HAO_UNSUPPORTED, "hao_unsupported", "HA does not know the HAO") \
	X(ICMP_UNMATCHED, "icmp_unmatched", "ICMPv6 error, no BU of ours") \
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
	/* what the store has */ \
	X(MOVES_STORED, "moves_stored", "moves by hand of before are damaged") \
	X(SWITCH_STORED, "switch_stored", "drain of before is damaged") \
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
