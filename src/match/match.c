/* SPDX-License-Identifier: GPL-2.0-only */
/* match.c: the lists of matches and targets that are not plain fields (match.h). */
#include "match/match.h"

const struct bf_match_ops *const bf_matches[] = {
	&bf_match_any,
	&bf_match_assist,
	&bf_match_bytecode,
	&bf_match_compare,
	&bf_match_conntrack,
	&bf_match_counter,
	&bf_match_element,
	&bf_match_found_object,
	&bf_match_generator,
	&bf_match_jhash,
	&bf_match_limit,
	&bf_match_lookup,
	&bf_match_object,
	&bf_match_program,
	&bf_match_put,
	&bf_match_statistic,
	&bf_match_tcpmss,
	&bf_match_tcpopt,
	NULL,
};

const struct bf_target_ops *const bf_targets[] = {
	&bf_target_answer,
	&bf_target_log,
	&bf_target_nflog,
	&bf_target_nft_log,
	&bf_target_nft_notrack,
	&bf_target_nft_set,
	&bf_target_reject,
	NULL,
};
