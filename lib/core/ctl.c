/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "core/unixpath.h"

enum {
	LINE_MAX_LEN = 4096,
	CLIENTS_MAX = 64,
	BACKLOG_MAX = 1 << 20,	/* bytes that a monitor has not read */
};

struct client {
	uv_pipe_t pipe;
	struct ctl *ctl;
	struct client *next;
	bool monitor;
	bool closing;		/* after what is still to be written */
	uint64_t deferred;	/* token: its answer comes later; 0: none */
	size_t len;
	char line[LINE_MAX_LEN];
};

struct ctl {
	uv_pipe_t pipe;
	const struct ctl_cmd *cmds;
	void *arg;
	struct client *clients;
	struct client *asking;	/* whose request is run */
	uint64_t tokens;
	int n_clients;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct out {
	uv_write_t req;
	uv_buf_t buf;
	char text[];
};

static void client_step(struct client *c);

static void on_client_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void client_close(struct client *c)
{
	struct client **at;

	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	for (at = &c->ctl->clients; *at && *at != c; at = &(*at)->next)
		;
	if (*at) {
		*at = c->next;
		c->ctl->n_clients--;
	}
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static size_t backlog(const struct client *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

static void on_written(uv_write_t *req, int status)
{
	struct client *c = req->handle->data;

	free(req->data);
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	if (status < 0 || (c->closing && !backlog(c)))
		client_close(c);
	else
		client_step(c);
}

static void client_send(struct client *c, struct json_object *o)
{
	size_t len;
	const char *text = json_object_to_json_string_length(o,
			JSON_C_TO_STRING_PLAIN |
			JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	struct out *out = malloc(sizeof(*out) + len + 1);

	if (!out) {
		client_close(c);
		return;
	}
	memcpy(out->text, text, len);
	out->text[len] = '\n';
	out->buf = uv_buf_init(out->text, (unsigned int)len + 1);
	out->req.data = out;
	if (uv_write(&out->req, (uv_stream_t *)&c->pipe, &out->buf, 1,
		     on_written)) {
		free(out);
		client_close(c);
	}
}

static void set_error(struct json_object *answer, const char *text)
{
	json_object_object_add(answer, "ok", json_object_new_boolean(false));
	if (!json_object_object_get_ex(answer, "error", NULL))
		json_object_object_add(answer, "error",
				       json_object_new_string(text));
}

static void run_cmd(struct client *c, const char *name,
		    struct json_object *request, struct json_object *answer)
{
	const struct ctl_cmd *cmd;
	int rc;

	if (!strcmp(name, "monitor")) {
		c->monitor = true;
		return;
	}
	for (cmd = c->ctl->cmds; cmd->name; cmd++) {
		if (strcmp(cmd->name, name))
			continue;
		c->ctl->asking = c;
		rc = cmd->run(c->ctl->arg, request, answer);
		c->ctl->asking = NULL;
		if (rc)
			set_error(answer, strerror(-rc));
		return;
	}
	set_error(answer, "not a command of this daemon");
}

/* The whole of text must be one object. */
static struct json_object *parse_request(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	if (!tok)
		return NULL;
	o = json_tokener_parse_ex(tok, text, (int)len);
	if (o && (json_tokener_get_parse_end(tok) != len ||
		  !json_object_is_type(o, json_type_object))) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

static void client_request(struct client *c, const char *text, size_t len)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *request = parse_request(text, len), *cmd;

	json_object_object_add(answer, "ok", json_object_new_boolean(true));
	if (request && json_object_object_get_ex(request, "cmd", &cmd) &&
	    json_object_is_type(cmd, json_type_string))
		run_cmd(c, json_object_get_string(cmd), request, answer);
	else
		set_error(answer, "a request is {\"cmd\":NAME} in one line");
	if (!c->deferred)
		client_send(c, answer);
	json_object_put(answer);
	json_object_put(request);
}

static void client_refuse(struct client *c, const char *why)
{
	struct json_object *answer = json_object_new_object();

	set_error(answer, why);
	c->closing = true;
	uv_read_stop((uv_stream_t *)&c->pipe);
	client_send(c, answer);
	json_object_put(answer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->len,
			   (unsigned int)(sizeof(c->line) - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->len += (size_t)n;
	client_step(c);
}

/*
 * Takes the next request when the answer before it has been read by the
 * client: one that asks and does not read costs no memory here.
 */
static void client_step(struct client *c)
{
	char *nl;
	size_t len;

	while (!c->closing && !c->deferred && !backlog(c) &&
	       (nl = memchr(c->line, '\n', c->len))) {
		len = (size_t)(nl - c->line);
		if (len)
			client_request(c, c->line, len);
		if (uv_is_closing((uv_handle_t *)&c->pipe))
			return;
		c->len -= len + 1;
		memmove(c->line, nl + 1, c->len);
	}
	if (c->closing)
		return;
	if (c->len == sizeof(c->line) && !memchr(c->line, '\n', c->len))
		client_refuse(c, "request is too long");
	else if (c->len == sizeof(c->line))
		uv_read_stop((uv_stream_t *)&c->pipe);
	else
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

uint64_t ctl_defer(struct ctl *ctl)
{
	ctl->asking->deferred = ++ctl->tokens;
	return ctl->tokens;
}

void ctl_answer(struct ctl *ctl, uint64_t token, struct json_object *answer,
		int err)
{
	struct client *c = ctl ? ctl->clients : NULL;

	while (c && c->deferred != token)
		c = c->next;
	if (c) {
		json_object_object_add(answer, "ok",
				       json_object_new_boolean(true));
		if (err)
			set_error(answer, strerror(-err));
		c->deferred = 0;
		client_send(c, answer);	/* then its next request */
	}
	json_object_put(answer);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct ctl *ctl = server->data;
	struct client *c;

	if (status < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->ctl = ctl;
	uv_pipe_init(server->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->n_clients++;
	if (uv_accept(server, (uv_stream_t *)&c->pipe))
		client_close(c);
	else if (ctl->n_clients > CLIENTS_MAX)
		client_refuse(c, "too many clients");
	else
		client_step(c);
}

static int listen_at(struct ctl *ctl)
{
	int rc = unixpath_prepare(ctl->path, SOCK_STREAM);

	if (!rc)
		rc = uv_pipe_bind(&ctl->pipe, ctl->path);
	/* nobody can connect before listen() */
	if (!rc && chmod(ctl->path, 0660))
		rc = -errno;
	return rc ?: uv_listen((uv_stream_t *)&ctl->pipe, 16, on_connection);
}

static void on_ctl_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int ctl_open(struct ctl **out, struct loop *loop, const char *path,
	     const struct ctl_cmd *cmds, void *arg)
{
	struct ctl *ctl;
	int rc;

	if (strlen(path) >= sizeof(ctl->path))
		return -ENAMETOOLONG;
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return -ENOMEM;
	strcpy(ctl->path, path);
	ctl->cmds = cmds;
	ctl->arg = arg;
	uv_pipe_init(&loop->uv, &ctl->pipe, 0);
	ctl->pipe.data = ctl;
	rc = listen_at(ctl);
	if (rc) {
		log_err("control socket %s: %s", path, strerror(-rc));
		uv_close((uv_handle_t *)&ctl->pipe, on_ctl_closed);
		return rc;
	}
	*out = ctl;
	return 0;
}

/* libuv unlinks the path of a pipe that it bound. */
void ctl_close(struct ctl *ctl)
{
	if (!ctl)
		return;
	while (ctl->clients)
		client_close(ctl->clients);
	uv_close((uv_handle_t *)&ctl->pipe, on_ctl_closed);
}

bool ctl_heard(const struct ctl *ctl)
{
	const struct client *c;

	for (c = ctl ? ctl->clients : NULL; c; c = c->next)
		if (c->monitor && !c->closing)
			return true;
	return false;
}

void ctl_event(struct ctl *ctl, struct json_object *ev)
{
	struct client *c, *next;

	if (ctl_heard(ctl)) {
		json_object_object_add(ev, "time", json_object_new_double(
				       loop_walltime()));
		for (c = ctl->clients; c; c = next) {
			next = c->next;
			if (!c->monitor || c->closing)
				continue;
			if (backlog(c) <= BACKLOG_MAX) {
				client_send(c, ev);
				continue;
			}
			log_warn("control socket: a monitor that does not "
				 "read is cut off");
			client_close(c);
		}
	}
	json_object_put(ev);
}

struct json_object *ctl_ev(const char *name, ...)
{
	struct json_object *ev = json_object_new_object();
	const char *key, *value;
	va_list ap;

	json_object_object_add(ev, "event", json_object_new_string(name));
	va_start(ap, name);
	while ((key = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		json_object_object_add(ev, key, value ?
				       json_object_new_string(value) : NULL);
	}
	va_end(ap);
	return ev;
}
