/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ike.h of a build without IKE: ike_open() fails, so nothing else is called. */
#include "ike/ike.h"

#include <errno.h>

#include "core/log.h"

int ike_open(struct ike **out, struct loop *loop, const struct ike_conf *conf,
	     const struct ike_responder *resp, const struct ike_ops *ops,
	     void *arg)
{
	(void)loop;
	(void)conf;
	(void)resp;
	(void)ops;
	(void)arg;
	*out = NULL;
	log_err("IKE: this kedge was built without IKE");
	return -ENOSYS;
}

int ike_start(struct ike *ike)
{
	(void)ike;
	return -ENOSYS;
}

void ike_close(struct ike *ike)
{
	(void)ike;
}

uint32_t ike_initiate(struct ike *ike, const struct in6_addr *local,
		      const struct in6_addr *hoa, const struct in6_addr *ha)
{
	(void)ike;
	(void)local;
	(void)hoa;
	(void)ha;
	return 0;
}

void ike_rekey_esp(struct ike *ike, uint32_t id, uint32_t spi)
{
	(void)ike;
	(void)id;
	(void)spi;
}

void ike_rekey_ike(struct ike *ike, uint32_t id)
{
	(void)ike;
	(void)id;
}

void ike_probe(struct ike *ike, uint32_t id)
{
	(void)ike;
	(void)id;
}

void ike_move(struct ike *ike, uint32_t id, const struct in6_addr *local,
	      const struct in6_addr *remote)
{
	(void)ike;
	(void)id;
	(void)local;
	(void)remote;
}

void ike_move_told(struct ike *ike, uint32_t id, const struct in6_addr *local)
{
	(void)ike;
	(void)id;
	(void)local;
}

void ike_end(struct ike *ike, uint32_t id, bool told)
{
	(void)ike;
	(void)id;
	(void)told;
}

unsigned int ike_threads(struct ike *ike)
{
	(void)ike;
	return 0;
}

int ike_reload_crls(struct ike *ike, const struct ike_list *crls)
{
	(void)ike;
	(void)crls;
	return -ENOSYS;
}

void ike_recheck(struct ike *ike)
{
	(void)ike;
}
