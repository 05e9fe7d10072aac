/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/daemon.h"
#include "core/log.h"
#include "core/notify.h"
#include "mn/mn.h"

#define DEFAULT_CONF "/etc/kedge/kedge-mn.conf"

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
	log_init("kedge-mn", args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (mn_conf_load(&mn.conf, args.conf, stderr))
		status = EXIT_FAILURE;
	else if (args.check)
		status = printf("%s: no errors\n", args.conf) < 0;
	else if (args.flush)
		status = mn_flush_leftovers(&mn.conf) ? EXIT_FAILURE :
							EXIT_SUCCESS;
	else
		status = run(&mn, &args);
	mn_conf_fini(&mn.conf);
	return status;
}
