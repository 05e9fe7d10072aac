/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From libcharon's threads to the loop: what they tell is put in a queue, in
 * order, and taken out in the loop's thread; what they ask they wait for.
 */
#ifndef KEDGE_IKE_BOX_H
#define KEDGE_IKE_BOX_H

#include <pthread.h>
#include <stdbool.h>

#include "ike/ike.h"

enum box_what {
	BOX_AUTHORIZE,		/* asked: the answer is in reason */
	BOX_ASSIGN,		/* asked: in reason and hoa */
	BOX_SA_ADD,
	BOX_SA_DEL,
	BOX_UP,
	BOX_MOVED,
	BOX_REKEYED,
	BOX_REFUSED,		/* a responder's refusal, to be counted */
	BOX_DOWN,
};

struct box_item {
	struct box_item *next;
	enum box_what what;
	struct ike_peer peer;
	struct ike_sa sa;
	struct in6_addr hoa, ha;
	enum reason reason;
	bool asked, answered;	/* asked: it is on the asker's stack */
};

struct box {
	uv_async_t *async;
	pthread_mutex_t lock;
	pthread_cond_t answer;
	struct box_item *head, **tail;
	bool closed;
	void (*fn)(void *arg, struct box_item *item);
	void *arg;
};

/* fn is called in the loop for each item, which it may write to (reason). */
int box_init(struct box *box, struct loop *loop,
	     void (*fn)(void *arg, struct box_item *item), void *arg);
/* From any thread; the item is copied. Nothing, once it is closed. */
void box_tell(struct box *box, const struct box_item *item);
/* From any thread but the loop's: the answer in item->reason, or
 * REASON_IKE_LOCAL where it is closed before there is one. */
void box_ask(struct box *box, struct box_item *item);
/* From the loop's thread: from now on nothing is taken and every question is
 * answered in the negative. */
void box_close(struct box *box);
/* When no other thread is there any more. Wipes what is left. */
void box_fini(struct box *box);

#endif
