/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/wifi.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"

/* One message of a family's description holds all of its commands. */
enum { WIFI_BUFFER = 32768 };

/* The controller's one group, "notify", whose number is the family's own
 * (net/netlink/genetlink.c). */
enum { CTRL_NOTIFY = GENL_ID_CTRL };

struct wifi {
	struct mnl_socket *request, *event;
	unsigned int seq;
	uint16_t family;	/* nl80211's number; 0: there is none */
	wifi_event_fn *fn;
	void *arg;
	char buffer[WIFI_BUFFER] __attribute__((aligned(8)));
};

struct message {
	char mem[256] __attribute__((aligned(8)));
};

typedef void reply_fn(struct wifi *wifi, const struct nlmsghdr *nlh, void *arg);

/* ---- decoding */

static bool is_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(uint32_t);
}

static bool is_named(const struct nlattr *attr, const char *name)
{
	size_t len = strlen(name) + 1;

	return mnl_attr_get_payload_len(attr) == len &&
	       !memcmp(mnl_attr_get_payload(attr), name, len);
}

static bool has_genl(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct genlmsghdr);
}

static bool take_passed(struct wifi_event *out, uint32_t how)
{
	switch (how) {
	case NL80211_CQM_RSSI_THRESHOLD_EVENT_LOW:
		out->type = WIFI_SIGNAL_LOW;
		return true;
	case NL80211_CQM_RSSI_THRESHOLD_EVENT_HIGH:
		out->type = WIFI_SIGNAL_HIGH;
		return true;
	}
	return false;
}

static bool take_cqm(struct wifi_event *out, const struct nlattr *nest)
{
	const struct nlattr *attr;
	bool tells = false;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT:
			if (is_u32(attr))
				tells |= take_passed(out,
						     mnl_attr_get_u32(attr));
			break;
		case NL80211_ATTR_CQM_RSSI_LEVEL:
			if (is_u32(attr))
				out->dbm = (int)mnl_attr_get_u32(attr);
			break;
		case NL80211_ATTR_CQM_BEACON_LOSS_EVENT:
			out->type = WIFI_BEACONS_LOST;
			tells = true;
			break;
		}
	}
	return tells;
}

struct fields {
	uint32_t ifindex;		/* 0: it is not of an interface */
	uint16_t status;		/* of an association: IEEE 802.11's */
	const struct nlattr *cqm;
};

static void take_field(struct fields *f, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NL80211_ATTR_IFINDEX:
		if (is_u32(attr))
			f->ifindex = mnl_attr_get_u32(attr);
		break;
	case NL80211_ATTR_STATUS_CODE:
		if (mnl_attr_get_payload_len(attr) == sizeof(uint16_t))
			f->status = mnl_attr_get_u16(attr);
		break;
	case NL80211_ATTR_CQM:
		f->cqm = attr;
		break;
	}
}

/* What is not aligned as the kernel's are is none of its messages. */
bool wifi_event_parse(struct wifi_event *out, const void *message, size_t len)
{
	const struct genlmsghdr *head = message;
	const void *attrs = head + 1;
	const struct nlattr *attr;
	struct fields f = {0};

	*out = (struct wifi_event){0};
	if (len < sizeof(*head) || (uintptr_t)message % NLA_ALIGNTO)
		return false;
	mnl_attr_for_each_payload(attrs, len - sizeof(*head))
		take_field(&f, attr);
	out->ifindex = f.ifindex;
	if (!f.ifindex)
		return false;
	switch (head->cmd) {
	case NL80211_CMD_CONNECT:	/* fails, with a status */
	case NL80211_CMD_ROAM:
		out->type = WIFI_CONNECTED;
		return !f.status;
	case NL80211_CMD_DISCONNECT:
		out->type = WIFI_DISCONNECTED;
		return true;
	case NL80211_CMD_NOTIFY_CQM:
		return f.cqm && take_cqm(out, f.cqm);
	}
	return false;
}

/* ---- sockets */

static int event_join(struct wifi *wifi, uint32_t group)
{
	return mnl_socket_setsockopt(wifi->event, NETLINK_ADD_MEMBERSHIP,
				     &group, sizeof(int)) < 0 ? -errno : 0;
}

/* The number of that group; 0: the family has none of that name. */
static uint32_t group_of(const struct nlattr *groups, const char *name)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, groups) {
		uint32_t id = 0;
		bool it = false;

		mnl_attr_for_each_nested(attr, group) {
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID &&
			    is_u32(attr))
				id = mnl_attr_get_u32(attr);
			else if (mnl_attr_get_type(attr) ==
				 CTRL_ATTR_MCAST_GRP_NAME)
				it = is_named(attr, name);
		}
		if (it)
			return id;
	}
	return 0;
}

/* A family's description: is it nl80211's? */
static void on_family(struct wifi *wifi, const struct nlmsghdr *nlh, void *arg)
{
	const struct genlmsghdr *head = mnl_nlmsg_get_payload(nlh);
	uint16_t family = 0;
	uint32_t group = 0;
	const struct nlattr *attr;
	bool it = false;

	(void)arg;
	if (!has_genl(nlh) || (head->cmd != CTRL_CMD_NEWFAMILY &&
			       head->cmd != CTRL_CMD_DELFAMILY))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*head)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_NAME:
			it = is_named(attr, NL80211_GENL_NAME);
			break;
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_get_payload_len(attr) == sizeof(family))
				family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			group = group_of(attr, NL80211_MULTICAST_GROUP_MLME);
			break;
		}
	}
	if (!it || (head->cmd == CTRL_CMD_NEWFAMILY &&
		    (!group || event_join(wifi, group))))
		return;
	wifi->family = head->cmd == CTRL_CMD_NEWFAMILY ? family : 0;
}

static void on_event(struct wifi *wifi, const struct nlmsghdr *nlh)
{
	uint16_t before = wifi->family;
	struct wifi_event ev;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		on_family(wifi, nlh, NULL);
		if (wifi->family && wifi->family != before)
			wifi->fn(wifi->arg,
				 &(struct wifi_event){.type = WIFI_LOOK});
	} else if (wifi->family && nlh->nlmsg_type == wifi->family &&
		   wifi_event_parse(&ev, mnl_nlmsg_get_payload(nlh),
				    mnl_nlmsg_get_payload_len(nlh))) {
		wifi->fn(wifi->arg, &ev);
	}
}

/* The requests that fn makes have wifi->buffer. */
void wifi_read_events(struct wifi *wifi)
{
	const struct wifi_event lost = {.type = WIFI_LOOK};
	char buffer[WIFI_BUFFER] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	ssize_t n;
	int len;

	for (;;) {
		n = mnl_socket_recvfrom(wifi->event, buffer, sizeof(buffer));
		if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
			wifi->fn(wifi->arg, &lost);
		else if (n < 0 && errno != EINTR)
			return;
		len = n < 0 ? 0 : (int)n;
		for (nlh = (void *)buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			on_event(wifi, nlh);
	}
}

int wifi_event_fd(const struct wifi *wifi)
{
	return mnl_socket_get_fd(wifi->event);
}

/* ---- requests */

static struct nlmsghdr *message(struct message *msg, uint16_t family,
				uint8_t cmd, uint32_t ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(msg->mem);
	struct genlmsghdr *head;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->cmd = cmd;
	head->version = 1;
	if (ifindex)
		mnl_attr_put_u32(nlh, NL80211_ATTR_IFINDEX, ifindex);
	return nlh;
}

/* 1: it was the last message of the answer. */
static int on_reply(struct wifi *wifi, const struct nlmsghdr *nlh,
		    reply_fn *fn, void *arg)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_seq != wifi->seq)
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) ?
			-EBADMSG : err->error ? err->error : 1;
	if (fn)
		fn(wifi, nlh, arg);
	return 0;
}

static int request(struct wifi *wifi, struct nlmsghdr *nlh, reply_fn *fn,
		   void *arg)
{
	const struct nlmsghdr *in;
	int err = 0, len;
	ssize_t n;

	nlh->nlmsg_seq = ++wifi->seq;
	if (mnl_socket_sendto(wifi->request, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (!err) {
		n = mnl_socket_recvfrom(wifi->request, wifi->buffer,
					sizeof(wifi->buffer));
		if (n < 0 && errno != EINTR)
			return -errno;
		len = n < 0 ? 0 : (int)n;
		for (in = (void *)wifi->buffer; !err && mnl_nlmsg_ok(in, len);
		     in = mnl_nlmsg_next(in, &len))
			err = on_reply(wifi, in, fn, arg);
	}
	return err < 0 ? err : 0;
}

static void on_interface(struct wifi *wifi, const struct nlmsghdr *nlh,
			 void *arg)
{
	const struct nlattr *attr;
	uint32_t *type = arg;

	(void)wifi;
	if (!has_genl(nlh))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == NL80211_ATTR_IFTYPE &&
		    is_u32(attr))
			*type = mnl_attr_get_u32(attr);
}

int wifi_managed(struct wifi *wifi, uint32_t ifindex)
{
	uint32_t type = NL80211_IFTYPE_UNSPECIFIED;
	struct message msg;
	int err;

	if (!wifi->family)
		return -ENOTSUP;
	err = request(wifi, message(&msg, wifi->family,
				    NL80211_CMD_GET_INTERFACE, ifindex),
		      on_interface, &type);
	if (err)
		return err;
	return type == NL80211_IFTYPE_STATION ? 0 : -EPROTOTYPE;
}

struct signal {
	bool found;
	int dbm, mean;
};

/* The mean is what CQM goes by, but is not there from the beginning. */
static void take_station(struct signal *s, const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_payload_len(attr) != sizeof(int8_t))
			continue;
		if (mnl_attr_get_type(attr) == NL80211_STA_INFO_SIGNAL)
			s->dbm = (int8_t)mnl_attr_get_u8(attr);
		if (mnl_attr_get_type(attr) ==
		    NL80211_STA_INFO_BEACON_SIGNAL_AVG)
			s->mean = (int8_t)mnl_attr_get_u8(attr);
	}
}

static void on_station(struct wifi *wifi, const struct nlmsghdr *nlh, void *arg)
{
	struct signal *s = arg;
	const struct nlattr *attr;

	(void)wifi;
	/* others after it are its peers (TDLS) */
	if (!has_genl(nlh) || s->found)
		return;
	s->found = true;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == NL80211_ATTR_STA_INFO)
			take_station(s, attr);
}

int wifi_signal(struct wifi *wifi, uint32_t ifindex, int *dbm)
{
	struct signal s = {0};
	struct message msg;
	struct nlmsghdr *nlh;
	int err;

	if (!wifi->family)
		return -ENOTSUP;
	nlh = message(&msg, wifi->family, NL80211_CMD_GET_STATION, ifindex);
	nlh->nlmsg_flags |= NLM_F_DUMP;
	err = request(wifi, nlh, on_station, &s);
	if (!err && !s.found)
		err = -ENOTCONN;
	*dbm = s.mean ? s.mean : s.dbm;
	return err;
}

int wifi_watch(struct wifi *wifi, uint32_t ifindex, int dbm,
	       unsigned int hysteresis)
{
	struct message msg;
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	if (!wifi->family)
		return -ENOTSUP;
	nlh = message(&msg, wifi->family, NL80211_CMD_SET_CQM, ifindex);
	nest = mnl_attr_nest_start(nlh, NL80211_ATTR_CQM);
	mnl_attr_put_u32(nlh, NL80211_ATTR_CQM_RSSI_THOLD, (uint32_t)dbm);
	mnl_attr_put_u32(nlh, NL80211_ATTR_CQM_RSSI_HYST, hysteresis);
	mnl_attr_nest_end(nlh, nest);
	return request(wifi, nlh, NULL, NULL);
}

/* ---- start and end */

static int sockets_open(struct wifi *wifi)
{
	wifi->request = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!wifi->request ||
	    mnl_socket_bind(wifi->request, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	wifi->event = mnl_socket_open2(NETLINK_GENERIC,
				       SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!wifi->event || mnl_socket_bind(wifi->event, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	return event_join(wifi, CTRL_NOTIFY);
}

/* All families, rather than this one by its name: that would load cfg80211. */
static int find_family(struct wifi *wifi)
{
	struct message msg;
	struct nlmsghdr *nlh = message(&msg, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
				       0);

	nlh->nlmsg_flags |= NLM_F_DUMP;
	return request(wifi, nlh, on_family, NULL);
}

int wifi_open(struct wifi **out, wifi_event_fn *fn, void *arg)
{
	struct wifi *wifi = calloc(1, sizeof(*wifi));
	int err;

	if (!wifi)
		return -ENOMEM;
	wifi->fn = fn;
	wifi->arg = arg;
	err = sockets_open(wifi);
	if (!err)
		err = find_family(wifi);
	if (err) {
		wifi_close(wifi);
		return err;
	}
	if (!wifi->family)
		log_debug("no nl80211: Wi-Fi tells nothing of its signal");
	*out = wifi;
	return 0;
}

void wifi_close(struct wifi *wifi)
{
	if (!wifi)
		return;
	if (wifi->request)
		mnl_socket_close(wifi->request);
	if (wifi->event)
		mnl_socket_close(wifi->event);
	free(wifi);
}
