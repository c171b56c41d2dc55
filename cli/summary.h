/* SPDX-License-Identifier: GPL-2.0-only */
/* summary.h: a packet in a few words: "tcp 192.0.2.1:5 > 192.0.2.2:80 flags syn". */
#ifndef BF_CLI_SUMMARY_H
#define BF_CLI_SUMMARY_H

#include <stddef.h>
#include <stdio.h>

/* From the IP header on, caplen bytes of it, of the headers that are there. */
void bf_cli_summary(FILE *to, const unsigned char *ip, size_t caplen);
/* From the Ethernet header on. */
void bf_cli_summary_frame(FILE *to, const unsigned char *p, size_t caplen);

#endif
