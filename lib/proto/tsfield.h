/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of its own, for BPF programs too. */
#ifndef KEDGE_TSFIELD_H
#define KEDGE_TSFIELD_H

/* Which fields a selector has, as on the wire (A to P) */
enum ts_field {
	TS_SRC = 0x8000,	/* of the correspondent: packets to the MN */
	TS_SRC_END = 0x4000,
	TS_DST = 0x2000,	/* the home address */
	TS_DST_END = 0x1000,
	TS_SPI = 0x0800,
	TS_SPI_END = 0x0400,
	TS_LABEL = 0x0200,
	TS_LABEL_END = 0x0100,
	TS_SPORT = 0x0080,
	TS_SPORT_END = 0x0040,
	TS_DPORT = 0x0020,
	TS_DPORT_END = 0x0010,
	TS_TC = 0x0008,
	TS_TC_END = 0x0004,
	TS_NH = 0x0002,
	TS_NH_END = 0x0001,
};

#endif
