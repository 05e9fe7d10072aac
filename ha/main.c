/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-ha: the home agent on an access router. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/daemon.h"
#include "core/log.h"
#include "core/notify.h"
#include "ha/advert.h"
#include "ha/conf.h"
#include "ha/ctl.h"
#include "ha/kern.h"
#include "ha/several.h"
#include "sys/priv.h"

struct ha {
	struct daemon_args args;
	struct ha_conf conf;
	struct loop loop;
	struct ctl *ctl;
	struct store *store;
	struct kern kern;
};

static int conf_reload(struct ha *ha, struct ha_conf *conf)
{
	FILE *errs = log_stream();
	int err;

	if (!errs)
		return -ENOMEM;
	err = ha_conf_load(conf, ha->args.conf, errs);
	log_stream_end(errs);
	return err ? err : kern_reload(&ha->kern, conf);
}

static void on_hup(void *arg)
{
	struct ha *ha = arg;
	struct ha_conf conf = {0};
	int err = conf_reload(ha, &conf);

	if (err < 0)
		log_err("%s: not taken over: %s", ha->args.conf,
			strerror(-err));
	else
		log_info("%s: taken over", ha->args.conf);
	ha_conf_free(&conf);
}

static int setup(struct ha *ha)
{
	const char *const paths[] = { ha->conf.state, NULL };
	int err = store_open(&ha->store, ha->conf.state, NULL);

	if (!err)
		err = kern_start(&ha->kern, &ha->loop, &ha->conf, ha->store,
				 ha->ctl);
	if (!err)
		err = priv_drop(ha->conf.user, paths);
	/* its threads have the capabilities that are left */
	if (!err)
		err = keying_start(&ha->kern.keying);
	return err;
}

static int serve(struct ha *ha)
{
	int err = setup(ha);

	if (!err) {
		loop_on_hup(&ha->loop, on_hup, ha);
		notify_watchdog(&ha->loop);
		notify_send("READY=1");
		log_info("ready: %zu addresses, %zu home links",
			 ha->conf.addrs.n, ha->conf.n_links);
		daemon_ready();
		err = loop_run(&ha->loop);
		notify_send("STOPPING=1");
		log_info("stopped; %u bindings and their forwarding stay "
			 "('kedge-ha --flush' takes them down)",
			 ha->kern.bcache.n_bound);
	}
	if (ha->kern.loop)
		kern_stop(&ha->kern);
	if (ha->store)
		store_close(ha->store);
	return err;
}

static int flush(struct ha *ha)
{
	struct dp_conf conf = kern_dp_conf(&ha->conf);
	struct dp *dp;
	bool took_over;
	int err = dp_open(&dp, &conf, &took_over);

	if (err < 0)
		return err;
	err = several_flush(dp, &ha->conf);
	if (err < 0)
		log_err("neighbour entries of home addresses: %s",
			strerror(-err));
	dp_flush(dp);
	dp_close(dp);
	advert_flush(&ha->conf);
	log_info("data plane is taken down%s", took_over ? "" :
		 " (there was none)");
	err = journal_remove(ha->conf.state);
	if (err < 0)
		log_err("%s: binding journal: %s", ha->conf.state,
			strerror(-err));
	return err;
}

/* The control socket first: it tells whether another one is at work. */
static int run(struct ha *ha)
{
	int err = loop_init(&ha->loop);

	if (err < 0)
		return err;
	err = ha_ctl_open(&ha->ctl, &ha->loop, ha->conf.control, &ha->kern);
	if (!err)
		err = ha->args.flush ? flush(ha) : serve(ha);
	ctl_close(ha->ctl);
	loop_fini(&ha->loop);
	return err;
}

int main(int argc, char **argv)
{
	static struct ha ha;
	int err;

	daemon_args(&ha.args, argc, argv, "kedge-ha",
		    "/etc/kedge/kedge-ha.conf",
		    "Mobile IPv6 home agent of an access router.");
	log_init("kedge-ha", ha.args.verbose ? LOG_LEVEL_DEBUG :
		 LOG_LEVEL_INFO);
	err = ha_conf_load(&ha.conf, ha.args.conf, stderr);
	if (!err && !ha.args.check) {
		if (!ha.args.flush)
			err = daemon_start(&ha.args);
		if (!err)
			err = run(&ha);
	}
	ha_conf_free(&ha.conf);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
