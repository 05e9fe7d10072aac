/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/box.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static void item_free(struct box_item *item)
{
	sodium_memzero(item, sizeof(*item));
	free(item);
}

static struct box_item *take_all(struct box *box)
{
	struct box_item *head;

	pthread_mutex_lock(&box->lock);
	head = box->head;
	box->head = NULL;
	box->tail = &box->head;
	pthread_mutex_unlock(&box->lock);
	return head;
}

static void answer(struct box *box, struct box_item *item)
{
	pthread_mutex_lock(&box->lock);
	item->answered = true;
	pthread_cond_broadcast(&box->answer);
	pthread_mutex_unlock(&box->lock);
}

static void on_async(uv_async_t *async)
{
	struct box *box = async->data;
	struct box_item *item = take_all(box), *next;

	for (; item; item = next) {
		next = item->next;
		box->fn(box->arg, item);
		if (item->asked)
			answer(box, item);
		else
			item_free(item);
	}
}

int box_init(struct box *box, struct loop *loop,
	     void (*fn)(void *arg, struct box_item *item), void *arg)
{
	int err;

	*box = (struct box){.fn = fn, .arg = arg};
	box->tail = &box->head;
	/* its own memory: libuv is done with it only later */
	box->async = calloc(1, sizeof(*box->async));
	if (!box->async)
		return -ENOMEM;
	err = uv_async_init(&loop->uv, box->async, on_async);
	if (err) {
		free(box->async);
		return err;
	}
	box->async->data = box;
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->answer, NULL);
	return 0;
}

static void put(struct box *box, struct box_item *item)
{
	item->next = NULL;
	*box->tail = item;
	box->tail = &item->next;
	uv_async_send(box->async);
}

void box_tell(struct box *box, const struct box_item *item)
{
	struct box_item *copy = malloc(sizeof(*copy));

	if (!copy) {
		log_err("IKE: out of memory, an event is lost");
		return;
	}
	*copy = *item;
	copy->asked = false;
	pthread_mutex_lock(&box->lock);
	if (box->closed)
		item_free(copy);
	else
		put(box, copy);
	pthread_mutex_unlock(&box->lock);
}

void box_ask(struct box *box, struct box_item *item)
{
	int state;

	/* the item is on this thread's stack: it must not go away meanwhile */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	item->asked = true;
	item->answered = false;
	pthread_mutex_lock(&box->lock);
	if (!box->closed)
		put(box, item);
	while (!item->answered && !box->closed)
		pthread_cond_wait(&box->answer, &box->lock);
	if (!item->answered)
		item->reason = REASON_IKE_LOCAL;
	pthread_mutex_unlock(&box->lock);
	pthread_setcancelstate(state, NULL);
}

/* on_async() does not run now: this is its thread. */
void box_close(struct box *box)
{
	struct box_item *item, *next;

	pthread_mutex_lock(&box->lock);
	box->closed = true;
	for (item = box->head; item; item = next) {
		next = item->next;
		/* what was asked is the asker's, who is woken */
		if (!item->asked)
			item_free(item);
	}
	box->head = NULL;
	box->tail = &box->head;
	pthread_cond_broadcast(&box->answer);
	pthread_mutex_unlock(&box->lock);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void box_fini(struct box *box)
{
	uv_close((uv_handle_t *)box->async, on_closed);
	pthread_cond_destroy(&box->answer);
	pthread_mutex_destroy(&box->lock);
}
