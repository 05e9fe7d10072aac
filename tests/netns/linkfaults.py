# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of the link: loss, doubles, disorder, delay, one way only, flapping."""

import time

from faultlab import row


def lossy(t, percent, moves):
    with t.scene(link=True) as lab:
        with t.fault():
            t.link(loss=percent)
            for n in moves:
                t.move(n)
                time.sleep(3)
            t.link()
        # BUs are as much as 32 s apart by now (RFC 6275 11.8)
        t.back(limit=60)
        t.told("mn", "ba_received")
        t.told("mn", "bu_retransmitted", 0)
        t.alive()


@row("10 % of all packets lost each way, over four moves")
def loss_10(t):
    lossy(t, 10, (3, 2, 3, 2))


@row("30 % of all packets lost each way, over four moves", 120, quick=True)
def loss_30(t):
    lossy(t, 30, (3, 2, 3, 2))


@row("every packet comes twice, each way, over two moves")
def twice(t):
    with t.scene(link=True):
        with t.fault():
            t.link(twice=100)
            for n in (3, 2):
                t.move(n)
                t.back()
            time.sleep(1)
            t.link()
        # The copies are replays of ESP; nothing acts on them.
        t.told("mn", "esp_replay")
        t.told("ar1", "esp_replay")
        t.told("mn", "bu_retransmitted", 0, 0)
        t.alive()


@row("40 % of the packets held for 30 ms, overtaken; over two moves")
def reordered(t):
    with t.scene(link=True):
        with t.fault():
            t.link(late=40, hold=30)
            for n in (3, 2):
                t.move(n)
                t.back()
            time.sleep(1)
            t.link()
        t.told("mn", "ba_received", 2)
        # an RA that comes after the move makes an address that stays its time
        t.alive(littered=True)


@row("200 +- 50 ms of delay each way, over two moves")
def delay_200(t):
    with t.scene(link=True):
        with t.fault():
            t.link(delay=200, jitter=50)
            for n in (3, 2):
                t.move(n)
                t.back()
            time.sleep(1)
            t.link()
        t.told("mn", "ba_received", 2)
        t.alive()


def one_way(t, **cut):
    with t.scene(link=True):
        with t.fault():
            t.link(**cut)
            time.sleep(5)
            t.link()
        t.back()
        t.alive()


@row("nothing passes up for 5 s, down it does")
def down_only(t):
    one_way(t, up_cut=True)


@row("nothing passes down for 5 s, up it does")
def up_only(t):
    one_way(t, down_cut=True)
