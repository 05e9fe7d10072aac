/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/daemon.h"
#include "core/log.h"
#include "core/notify.h"
#include "mn/mn.h"

#define DEFAULT_CONF "/etc/kedge/kedge-mn.conf"

static const char *conf_path;

static int reload(struct mn *mn, struct mn_conf *conf)
{
	static struct policy policy;
	FILE *errs = log_stream();
	int err;

	if (!errs)
		return -ENOMEM;
	err = mn_conf_load(conf, conf_path, errs);
	if (!err)
		err = policy_load(&policy, conf->policy, errs);
	log_stream_end(errs);
	return err ? err : mn_reload(mn, conf, &policy);
}

static void on_hup(void *arg)
{
	struct mn_conf conf = {0};
	int err = reload(arg, &conf);

	if (err)
		log_err("%s: not taken over: %s", conf_path, strerror(-err));
	else
		log_info("%s: taken over", conf_path);
	mn_conf_fini(&conf);
}

/* The control socket tells whether another one is at work. */
static int flush(struct mn *mn)
{
	int err = loop_init(&mn->loop);

	if (err)
		return EXIT_FAILURE;
	err = ctl_open(&mn->ctl, &mn->loop, mn->conf.control, mn_ctl_cmds, mn);
	if (!err)
		err = mn_flush_leftovers(&mn->conf);
	if (err)
		log_err("not flushed: %s", strerror(-err));
	ctl_close(mn->ctl);
	loop_fini(&mn->loop);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct mn *mn, const struct daemon_args *args)
{
	int err = daemon_start(args);

	if (!err)
		err = loop_init(&mn->loop);
	if (err) {
		log_err("start: %s", strerror(-err));
		return EXIT_FAILURE;
	}
	err = mn_start(mn);
	if (err) {
		log_err("not started: %s", strerror(-err));
	} else {
		log_info("ready, %u interface%s", mn->conf.n_ifaces,
			 mn->conf.n_ifaces == 1 ? "" : "s");
		loop_on_hup(&mn->loop, on_hup, mn);
		notify_watchdog(&mn->loop);
		notify_send("READY=1");
		daemon_ready();
		loop_run(&mn->loop);
		notify_send("STOPPING=1");
		log_info("stopping%s", mn->flushing ? "" :
			 "; tunnels stay at work (kedge-mn --flush ends them)");
	}
	mn_stop(mn);
	loop_fini(&mn->loop);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct mn mn = {
		.tun_fd = -1, .raw_fd = -1, .ra_fd = -1, .packet_fd = -1,
		.hold_fds = {-1, -1, -1},
	};
	struct daemon_args args;
	int status;

	daemon_args(&args, argc, argv, "kedge-mn", DEFAULT_CONF,
		    "the mobile node: keeps a Mobile IPv6 binding for every "
		    "access router\nthat still anchors a live flow of this "
		    "host");
	conf_path = args.conf;
	log_init("kedge-mn", args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (mn_conf_load(&mn.conf, args.conf, stderr) ||
	    policy_load(&mn.policy, mn.conf.policy, stderr))
		status = EXIT_FAILURE;
	else if (args.check)
		status = EXIT_SUCCESS;
	else if (args.flush)
		status = flush(&mn);
	else
		status = run(&mn, &args);
	mn_conf_fini(&mn.conf);
	return status;
}
